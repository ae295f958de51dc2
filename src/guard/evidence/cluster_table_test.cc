#include "guard/evidence/cluster_table.h"

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
  EXPECT_EQ(person->returns, 2);
  EXPECT_EQ(person->thoughts, 2);
  EXPECT_EQ(person->overlaps, 0);
  EXPECT_EQ(person->in_flight, 0);
}

TEST(ClusterTable, NotesWhoComesAgainTooEarlyAndWhoWaits) {
  ClusterTable table({});
  const DecisionFacts later{Refusal::kQueueFull, std::chrono::seconds(10)};
  table.OnRequest(Chat(1), later, AtSeconds(1));
  table.OnRequest(Chat(1), later, AtSeconds(3));
  table.OnRequest(Chat(1), {}, AtSeconds(14));
  table.OnRequest(Chat(2), later, AtSeconds(14));
  const ClientFeatures* client = table.Find(Chat(1).caller.client());
  EXPECT_EQ(client->told, 2);
  EXPECT_EQ(client->ignored, 1);
  EXPECT_FALSE(table.Find(Chat(2).caller.client())->Has(Trait::kIgnored));  // It never came again.
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
  const double usual = table.ExportBaseline().door_clients[static_cast<std::size_t>(
      DoorIndex(false, Standing::kHistory, Route::kChat, true))];
  EXPECT_GT(usual, 10);
  for (std::uint64_t id = 1000; id < 6000; ++id) {
    traffic.Add(TestTraffic::Person{
        .id = id, .start_s = traffic.Uniform(200, 260), .standing = Standing::kNew});
  }
  traffic.Play(table, 260);
  EXPECT_FALSE(table.is_learning());
  EXPECT_GT(table.trusted_growth(), 5);
  const double after = table.ExportBaseline().door_clients[static_cast<std::size_t>(
      DoorIndex(false, Standing::kHistory, Route::kChat, true))];
  EXPECT_LT(after, 2 * usual);
}

TEST(ClusterTable, KnowsAClientThatWasHereInQuietTime) {
  ClusterTable table({});
  table.OnRequest(Chat(1), {}, AtSeconds(1));
  EXPECT_TRUE(table.Find(Chat(1).caller.client())->Has(Trait::kNewcomer));
  table.OnRequest(Chat(1), {}, AtSeconds(400));
  EXPECT_FALSE(table.Find(Chat(1).caller.client())->Has(Trait::kNewcomer));
  EXPECT_EQ(table.Preview(Chat(2), AtSeconds(400)).seen, SeenBefore::kPrefix);
  EXPECT_EQ(table.Preview(Chat(400), AtSeconds(400)).seen, SeenBefore::kNo);
  table.Remember(Chat(400).caller);
  EXPECT_EQ(table.Preview(Chat(400), AtSeconds(400)).seen, SeenBefore::kClient);
}

}  // namespace
}  // namespace holdfast::guard
