#include "guard/evidence/scorer.h"

#include <set>

#include <gtest/gtest.h>

#include "guard/evidence/proposals.h"
#include "guard/evidence/test_traffic.h"

namespace holdfast::guard {
namespace {

constexpr double kOnset = 180;                   // Quiet time before.
constexpr std::uint64_t kStrangers = 1'000'000;  // Names from here on come after the onset.

// A service with 400 people and 30 programs, known for three minutes.
class Scene {
 public:
  explicit Scene(std::uint64_t seed) : traffic(seed), table({}, seed) {
    for (std::uint64_t id = 1; id <= 400; ++id) {
      if (id % 10 != 0) table.Remember(TestTraffic::MakeCaller(id, true, 1, 0));
      for (double start = traffic.Uniform(0, 100); start < 400; start += traffic.Uniform(90, 300)) {
        traffic.Add(
            TestTraffic::Person{.id = id,
                                .start_s = start,
                                .standing = id % 10 == 0 ? Standing::kNew : Standing::kHistory,
                                .fingerprint = 100 + id % 7});
      }
    }
    for (std::uint64_t id = 500; id < 530; ++id) {
      table.Remember(TestTraffic::MakeCaller(id, true, 1, 0));
      traffic.Add(TestTraffic::Program{
          .id = id, .start_s = traffic.Uniform(0, 5), .end_s = 400, .fingerprint = 200 + id % 3});
    }
  }

  // 13 times as many people as usual, first-time visitors with the prompt and phone of everybody.
  void AddCrowd(double until_s) {
    for (std::uint64_t i = 0; i < 6000; ++i) {
      const double start = traffic.Uniform(kOnset, until_s);
      const Standing standing = i % 10 == 0  ? Standing::kHistory
                                : i % 3 == 0 ? Standing::kNew
                                             : Standing::kAnonymous;
      if (standing == Standing::kHistory) {
        table.Remember(TestTraffic::MakeCaller(kStrangers + i, true, 1, 0));
      }
      traffic.Add(TestTraffic::Person{.id = kStrangers + i,
                                      .start_s = start,
                                      .standing = standing,
                                      .fingerprint = i % 3 == 0 ? 100U + i % 7 : 100U,
                                      .payload = i % 2 == 0 ? 77U : 0U,
                                      .turns = 2});
    }
  }
  // 10,000 sources, each under one request per 10 s, half with accounts.
  void AddFlood(double until_s, Route route) {
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      traffic.Add(
          TestTraffic::Program{.id = 2 * kStrangers + i,
                               .start_s = traffic.Uniform(kOnset, kOnset + 12),
                               .end_s = until_s,
                               .interval_s = 12,
                               .standing = i % 2 == 0 ? Standing::kNew : Standing::kAnonymous,
                               .fingerprint = 100 + i % 3,
                               .route = route,
                               .payload = 1000 + i % 200,
                               .prefix = 5000 + i / 4,
                               .has_account = i % 2 == 0,
                               .interval_sigma = 0.1});
    }
  }

  std::vector<ClusterScore> Scores(double now_s) {
    traffic.Play(table, now_s);
    std::vector<ClusterScore> scores;
    Scorer().Score(table, AtSeconds(now_s), scores);
    return scores;
  }

  TestTraffic traffic;
  ClusterTable table;
};

bool IsFloodClient(std::uint64_t client) {
  static const auto kNames = [] {
    std::set<std::uint64_t> names;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      names.insert(TestTraffic::MakeCaller(2 * kStrangers + i, i % 2 == 0, 1, 1).client());
    }
    return names;
  }();
  return kNames.contains(client);
}

struct Shares {
  double hostile_found = 0;  // Of hostile clients, those held to be hostile.
  double honest_accused = 0;
};

Shares Judge(const std::vector<ClusterScore>& scores) {
  double hostile = 0;
  double found = 0;
  double honest = 0;
  double accused = 0;
  for (const ClusterScore& score : scores) {
    const bool is_held_hostile = score.log_odds > 0;
    (IsFloodClient(score.client) ? hostile : honest) += 1;
    (IsFloodClient(score.client) ? found : accused) += is_held_hostile ? 1 : 0;
  }
  return {hostile > 0 ? found / hostile : 0, honest > 0 ? accused / honest : 0};
}

TEST(Scorer, HoldsNobodyHostileInQuietTime) {
  Scene scene(1);
  const Shares shares = Judge(scene.Scores(kOnset));
  EXPECT_EQ(shares.honest_accused, 0);
}

TEST(Scorer, KnowsAWebFloodOfSlowSourcesWithinFourSeconds) {
  Scene scene(2);
  scene.AddFlood(kOnset + 60, Route::kChat);
  const Shares early = Judge(scene.Scores(kOnset + 4));
  EXPECT_GT(early.hostile_found, 0.9);
  EXPECT_LT(early.honest_accused, 0.005);
  const Shares later = Judge(scene.Scores(kOnset + 60));
  EXPECT_GT(later.hostile_found, 0.98);
  EXPECT_LT(later.honest_accused, 0.005);
}

TEST(Scorer, HoldsAViralCrowdOfFirstTimeVisitorsToBeHonest) {
  Scene scene(3);
  scene.AddCrowd(kOnset + 180);
  for (const double after : {10.0, 60.0, 200.0}) {
    EXPECT_LT(Judge(scene.Scores(kOnset + after)).honest_accused, 0.005) << after;
  }
}

TEST(Scorer, TellsAFloodFromTheCrowdItHidesIn) {
  Scene scene(4);
  scene.AddCrowd(kOnset + 120);
  scene.AddFlood(kOnset + 60, Route::kChat);
  const Shares shares = Judge(scene.Scores(kOnset + 60));
  EXPECT_GT(shares.hostile_found, 0.95);
  EXPECT_LT(shares.honest_accused, 0.025);  // 2.1 %: decision 33.
}

TEST(Scorer, RemembersAfterAnAttackWhoTookPartInIt) {
  Scene scene(5);
  scene.AddFlood(kOnset + 60, Route::kChat);
  const Shares shares = Judge(scene.Scores(kOnset + 200));
  EXPECT_GT(shares.hostile_found, 0.98);
  EXPECT_LT(shares.honest_accused, 0.005);
}

TEST(Scorer, HoldsNothingAgainstProgramsForNotLoadingPages) {
  Scene scene(6);
  // A customer starts 200 workers from the network of its others, and 40 newcomers try the API for
  // the first time.
  for (std::uint64_t i = 0; i < 240; ++i) {
    scene.traffic.Add(
        TestTraffic::Program{.id = kStrangers + i,
                             .start_s = scene.traffic.Uniform(kOnset, kOnset + 60),
                             .end_s = kOnset + 100,
                             .standing = i < 200 ? Standing::kHistory : Standing::kNew,
                             .fingerprint = 201,
                             .prefix = i < 200 ? Mix64(500, 11) : 0});
  }
  EXPECT_LT(Judge(scene.Scores(kOnset + 100)).honest_accused, 0.005);
}

// Programs that try the API for the first time: half of them were here two minutes before others
// like them came by the thousand.
TEST(Scorer, SparesNewcomersWhoCameBeforeTheSurgeOfTheirLikes) {
  Scene scene(10);
  constexpr std::uint64_t kEarly = kStrangers, kLate = kStrangers + 1000;
  const auto add = [&](std::uint64_t first, double start_s) {
    for (std::uint64_t i = 0; i < 20; ++i) {
      scene.traffic.Add(TestTraffic::Program{.id = first + i,
                                             .start_s = start_s,
                                             .end_s = kOnset + 60,
                                             .interval_s = 20,
                                             .standing = Standing::kNew,
                                             .fingerprint = 300 + i});
    }
  };
  add(kEarly, kOnset - 120);
  add(kLate, kOnset + 20);
  scene.AddFlood(kOnset + 60, Route::kApi);
  scene.Scores(kOnset + 60);
  const auto evidence = [&](std::uint64_t id) {
    const Caller caller = TestTraffic::MakeCaller(id, true, 1, 0);
    const Evidence seen = Scorer::Observe(scene.table, *scene.table.Find(caller.client()));
    return seen[static_cast<std::size_t>(Detector::kNewcomers)];
  };
  EXPECT_EQ(evidence(kEarly), 0);
  EXPECT_GT(evidence(kLate), 1);
}

TEST(Scorer, RemembersTheFirstWaveOfAnAttackInTheSecond) {
  Scene scene(11);
  scene.AddFlood(kOnset + 30, Route::kChat);
  for (std::uint64_t i = 0; i < 10'000; ++i) {  // The same sources, once more.
    scene.traffic.Add(TestTraffic::Program{.id = 2 * kStrangers + i,
                                           .start_s = kOnset + 200 + scene.traffic.Uniform(0, 12),
                                           .end_s = kOnset + 220,
                                           .interval_s = 12,
                                           .fingerprint = 100 + i % 3,
                                           .route = Route::kChat,
                                           .payload = 1000 + i % 200,
                                           .prefix = 5000 + i / 4,
                                           .has_account = i % 2 == 0});
  }
  const Shares shares = Judge(scene.Scores(kOnset + 220));
  EXPECT_GT(shares.hostile_found, 0.95);
  EXPECT_LT(shares.honest_accused, 0.005);
}

TEST(Scorer, IsTheSameToTheBitForTheSameEvents) {
  const auto run = [] {
    Scene scene(7);
    scene.AddFlood(kOnset + 20, Route::kApi);
    return scene.Scores(kOnset + 20);
  };
  const auto first = run();
  const auto second = run();
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].client, second[i].client);
    EXPECT_EQ(first[i].group, second[i].group);
    EXPECT_EQ(first[i].log_odds, second[i].log_odds);
  }
}

TEST(Scorer, AtTheDoorStopsAFloodersFirstRequestAndFreesItsLikesAMinuteAfter) {
  Scene scene(8);
  scene.AddFlood(kOnset + 60, Route::kChat);
  scene.traffic.Play(scene.table, kOnset + 4);
  const RequestFacts flooder{.caller = TestTraffic::MakeCaller(9 * kStrangers, false, 100, 0),
                             .payload = 1001,
                             .prompt_tokens = 100,
                             .route = Route::kChat};
  RequestFacts member = flooder;
  member.caller.account = 17;
  member.standing = Standing::kHistory;
  const auto propose = [&](const RequestFacts& facts, double now_s) {
    const ProposalPolicy policy;
    const auto score =
        Scorer().Suspect(scene.table, nullptr, facts, AtSeconds(now_s), policy.challenge_log_odds);
    return score ? Propose(*score, facts, policy) : std::nullopt;
  };
  const auto proposal = propose(flooder, kOnset + 4);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->action, RestrictionAction::kRefuse);
  EXPECT_GT(proposal->evidence[0].llr, 0);
  EXPECT_FALSE(propose(member, kOnset + 4).has_value());

  scene.traffic.Play(scene.table, kOnset + 120);
  EXPECT_FALSE(propose(flooder, kOnset + 120).has_value());
}

TEST(Scorer, BoundsWhatAFamilyOfEvidenceCanSay) {
  ClusterTable table({}, 9);
  Calibration calibration = kCalibration;
  calibration.coefficient = kCoefficientsBeforeFit;
  calibration.family_max.fill(0.5);
  RequestFacts facts{.caller = {.address = 5, .fingerprint = 1}, .route = Route::kChat};
  for (int i = 0; i < 50; ++i) table.OnRequest(facts, {}, AtSeconds(1));
  std::vector<ClusterScore> scores;
  Scorer(calibration).Score(table, AtSeconds(1), scores);
  ASSERT_EQ(scores.size(), 1U);
  EXPECT_NEAR(scores[0].log_odds, calibration.prior + 0.5, 0.01);  // Of its rate.
}

}  // namespace
}  // namespace holdfast::guard
