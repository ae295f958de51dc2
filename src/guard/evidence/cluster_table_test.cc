#include "guard/evidence/cluster_table.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "guard/evidence/test_traffic.h"

namespace holdfast::guard {
namespace {

RequestFacts Chat(std::uint64_t client) {
  return {.caller = {.address = Mix64(client, 1), .prefix = Mix64(client / 4, 2), .fingerprint = 3},
          .payload = 4,
          .prompt_tokens = 50,
          .route = Route::kChat};
}

TEST(ClusterTable, JoinsThePageOfAnAddressWithTheAccountThatAsksFromIt) {
  ClusterTable table({});
  TestTraffic traffic(1);
  traffic.Add(TestTraffic::Person{.id = 1, .start_s = 1, .turns = 3});
  traffic.Play(table, 1000);
  const ClientFeatures* person = table.Find(TestTraffic::MakeCaller(1, true, 1, 0).account);
  ASSERT_NE(person, nullptr);
  EXPECT_TRUE(person->Has(Trait::kPaged));
  EXPECT_TRUE(person->Has(Trait::kDwelt));
  EXPECT_TRUE(person->Has(Trait::kRead));
  EXPECT_TRUE(person->Has(Trait::kReturned));
  EXPECT_TRUE(person->Has(Trait::kThought));
  EXPECT_FALSE(person->Has(Trait::kOverlapped));
  EXPECT_EQ(person->in_flight, 0);
}

TEST(ClusterTable, NotesWhoComesAgainTooEarlyAndWhoWaits) {
  ClusterTable table({});
  const DecisionFacts later{Refusal::kQueueFull, std::chrono::seconds(10)};
  table.OnRequest(Chat(1), later, AtSeconds(1));
  table.OnRequest(Chat(1), later, AtSeconds(3));
  table.OnRequest(Chat(1), {}, AtSeconds(14));
  table.OnRequest(Chat(2), later, AtSeconds(14));
  table.OnRequest(Chat(3), later, AtSeconds(14));
  table.OnRequest(Chat(3), {}, AtSeconds(24));
  const auto has = [&](std::uint64_t address, Trait trait) {
    return table.Find(Chat(address).caller.client())->Has(trait);
  };
  EXPECT_TRUE(has(1, Trait::kIgnored));
  EXPECT_TRUE(has(2, Trait::kTold));
  EXPECT_FALSE(has(2, Trait::kIgnored)) << "it never came again";
  EXPECT_TRUE(has(3, Trait::kTold));
  EXPECT_FALSE(has(3, Trait::kIgnored)) << "it waited as long as it was told";
}

TEST(ClusterTable, IgnoresAnOutcomeThatRepeatsARefusal) {
  ClusterTable table({});
  table.OnRequest(Chat(1), {}, AtSeconds(1));
  table.OnRequest(Chat(1), {Refusal::kYourRate, {}}, AtSeconds(2));
  table.OnOutcome({.time = AtSeconds(2),
                   .arrival = AtSeconds(2),
                   .caller = Chat(1).caller,
                   .ending = Ending::kRefused});
  EXPECT_EQ(table.Find(Chat(1).caller.client())->in_flight, 1);
}

TEST(ClusterTable, HoldsNobodyToHaveComeWithoutAPageAfterAGapInWhatItWasTold) {
  ClusterTable table({});
  table.OnRequest(Chat(1), {}, AtSeconds(10));
  table.MarkGap(AtSeconds(20), AtSeconds(25));
  table.MarkGap(AtSeconds(25), AtSeconds(50));
  RequestFacts program = Chat(2);
  program.route = Route::kApi;
  table.OnRequest(Chat(1), {}, AtSeconds(60));
  table.OnRequest(program, {}, AtSeconds(60));
  table.OnRequest(Chat(3), {}, AtSeconds(60));
  table.OnRequest(Chat(4), {}, AtSeconds(3600));
  const auto find = [&](std::uint64_t client) { return table.Find(Chat(client).caller.client()); };
  EXPECT_FALSE(find(1)->Has(Trait::kPaged));  // It was seen to come without one.
  EXPECT_EQ(find(1)->in_flight, 1);           // The first answer may have ended unseen.
  EXPECT_FALSE(find(2)->Has(Trait::kPaged));
  EXPECT_TRUE(find(3)->Has(Trait::kPaged));
  EXPECT_TRUE(find(3)->Has(Trait::kDwelt));
  EXPECT_FALSE(find(4)->Has(Trait::kPaged));
}

TEST(ClusterTable, EstimatesTheSizeOfAGroupThatIsLargerThanItsMemory) {
  constexpr std::uint64_t kClients = 300'000;
  double estimate = 0;
  constexpr int kSeeds = 5;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    ClusterTable table({.clients_max = 4096, .groups_max = 4096}, seed);
    const std::size_t bytes = table.state_bytes();
    for (std::uint64_t client = 1; client <= kClients; ++client) {
      table.OnRequest(Chat(client), {}, AtSeconds(1 + 1e-6 * static_cast<double>(client)));
    }
    const ClientFeatures member = table.Preview(Chat(7), AtSeconds(2));
    estimate += table.Group(GroupKind::kDoor, member)->clients * table.weight() / kSeeds;
    EXPECT_LE(table.clients().size(), 4096U);
    EXPECT_LT(table.state_bytes(), bytes + 8192 * sizeof(ClientFeatures));
  }
  EXPECT_NEAR(estimate / kClients, 1, 0.03);
}

TEST(ClusterTable, LearnsInQuietTimeAndNotInASurge) {
  ClusterTable table({});
  TestTraffic traffic(2);
  for (std::uint64_t id = 1; id <= 300; ++id) {
    table.Remember(TestTraffic::MakeCaller(id, true, 1, 0));
    traffic.Add(TestTraffic::Person{.id = id, .start_s = traffic.Uniform(0, 200)});
  }
  traffic.Play(table, 200);
  EXPECT_TRUE(table.is_learning());
  EXPECT_GT(table.known(), 0.8);
  const double usual = table.usual();
  EXPECT_GT(usual, 10);
  for (std::uint64_t id = 1000; id < 6000; ++id) {
    traffic.Add(TestTraffic::Person{
        .id = id, .start_s = traffic.Uniform(200, 260), .standing = Standing::kNew});
  }
  traffic.Play(table, 260);
  EXPECT_FALSE(table.is_learning());
  EXPECT_GT(table.trusted_growth(), 5);
  EXPECT_LT(table.usual(), 2 * usual);
}

// So many clients in [from_s, to_s), each once in about five seconds, growing e-fold in `growth_s`.
void Ramp(ClusterTable& table, double clients, double growth_s, double from_s, double to_s) {
  for (double now = from_s; now < to_s;) {
    const double there = clients * std::exp(growth_s > 0 ? (now - from_s) / growth_s : 0);
    const auto client = static_cast<std::uint64_t>(there * std::fmod(now / 5, 1));
    table.OnRequest(Chat(1 + client), {}, AtSeconds(now));
    now += 5 / there;
  }
}

TEST(ClusterTable, WhatGrowsSlowlyIsNotLearnedEither) {
  ClusterTable table({});
  Ramp(table, 60, 0, 1, 3600);
  const double usual = table.usual();
  EXPECT_GT(usual, 30);
  // Twice as many every twelve minutes: never twice the usual of the last ten.
  Ramp(table, 60, 1040, 3600, 3600 + 4 * 1040);
  EXPECT_FALSE(table.is_learning());
  EXPECT_LT(table.usual(), 5 * usual);
  // A day has its peak, which is learned.
  ClusterTable other({});
  Ramp(other, 60, 0, 1, 3600);
  Ramp(other, 60, 2000, 3600, 5600);
  EXPECT_TRUE(other.is_learning());
  EXPECT_GT(other.usual(), 2 * usual);
}

TEST(ClusterTable, WhatWasLearnedOutlivesARestart) {
  ClusterTable table({}, 3);
  TestTraffic traffic(2);
  for (std::uint64_t id = 1; id <= 300; ++id) {
    traffic.Add(TestTraffic::Person{.id = id, .start_s = traffic.Uniform(0, 500)});
  }
  traffic.Play(table, 500);
  table.Remember(Chat(7).caller);
  std::string bytes;
  StateWriter writer(bytes);
  table.Save(writer, {});

  ClusterTable next({}, 3);
  StateReader reader(bytes);
  next.Load(reader, {});
  ASSERT_TRUE(reader.is_sound() && reader.is_at_end());
  EXPECT_EQ(next.usual(), table.usual());
  EXPECT_EQ(next.known(), table.known());
  EXPECT_EQ(next.baseline().conduct[0].read, table.baseline().conduct[0].read);
  EXPECT_EQ(next.Preview(Chat(7), AtSeconds(510)).seen, SeenBefore::kClient);
  int groups = 0;
  for (const ClientFeatures& client : table.clients()) {
    const GroupFeatures* before = table.Group(GroupKind::kFingerprint, client);
    if (before == nullptr || before->usual < 1) continue;
    const GroupFeatures* after = next.Group(GroupKind::kFingerprint, client);
    ASSERT_NE(after, nullptr);
    EXPECT_NEAR(after->usual, before->usual, 1e-3);
    ++groups;
  }
  EXPECT_GT(groups, 0);
  std::string again;
  StateWriter rewriter(again);
  next.Save(rewriter, {});
  EXPECT_EQ(again.size(), bytes.size());
}

TEST(ClusterTable, VisitsAloneMakeNobodyKnown) {
  ClusterTable table({});
  RequestFacts page = Chat(1);
  page.route = Route::kPage;
  for (const double now : {1.0, 400.0, 800.0}) table.OnRequest(page, {}, AtSeconds(now));
  table.OnRequest(Chat(1), {}, AtSeconds(801));
  EXPECT_TRUE(table.Find(Chat(1).caller.client())->Has(Trait::kNewcomer));
  EXPECT_EQ(table.Preview(Chat(2), AtSeconds(802)).seen, SeenBefore::kNo) << "nor their network";
}

TEST(ClusterTable, KnowsAClientThatWasHereInQuietTime) {
  ClusterTable table({});
  table.OnRequest(Chat(1), {}, AtSeconds(1));
  EXPECT_TRUE(table.Find(Chat(1).caller.client())->Has(Trait::kNewcomer));
  table.OnOutcome({.time = AtSeconds(5),
                   .arrival = AtSeconds(1),
                   .caller = Chat(1).caller,
                   .route = Route::kChat,
                   .first_token = std::chrono::seconds(1),
                   .was_read = true});
  table.OnRequest(Chat(1), {}, AtSeconds(400));
  EXPECT_FALSE(table.Find(Chat(1).caller.client())->Has(Trait::kNewcomer));
  EXPECT_EQ(table.Preview(Chat(2), AtSeconds(400)).seen, SeenBefore::kPrefix);
  EXPECT_EQ(table.Preview(Chat(400), AtSeconds(400)).seen, SeenBefore::kNo);
  table.Remember(Chat(400).caller);
  EXPECT_EQ(table.Preview(Chat(400), AtSeconds(400)).seen, SeenBefore::kClient);
}

}  // namespace
}  // namespace holdfast::guard
