#include "drill/labelled_incident.h"

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "drill/incident_folder.h"
#include "drill/score.h"
#include "drill/simulation.h"
#include "drill/traces.h"
#include "incidents/verify.h"

namespace holdfast::drill {
namespace {

TEST(LabelledIncident, SameSeedGivesTheSameIncident) {
  const auto once = MakeIncident(11, {}), again = MakeIncident(11, {});
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->incident_class, again->incident_class);
  EXPECT_EQ(once->shares, again->shares);
  EXPECT_EQ(Simulate(once->scenario).digest, Simulate(again->scenario).digest);
}

TEST(LabelledIncident, TruthIsWhatTheScriptCaused) {
  struct Case {
    IncidentClass incident_class;
    verdict::Cause absent_a;
    verdict::Cause absent_b;
  };
  using enum verdict::Cause;
  for (const Case& expected : {Case{IncidentClass::kCrowd, kHostile, kLostCapacity},
                               Case{IncidentClass::kAttack, kLostCapacity, kLostCapacity},
                               Case{IncidentClass::kLostCapacity, kHostile, kHostile}}) {
    LabelledIncident incident = DraftIncident(3, expected.incident_class, {});
    Weigh(incident);
    EXPECT_EQ(incident.shares[static_cast<int>(expected.absent_a)], 0);
    EXPECT_EQ(incident.shares[static_cast<int>(expected.absent_b)], 0);
  }
}

TEST(LabelledIncident, ClearCasesKeepTheirWord) {
  for (std::uint64_t seed = 40; seed < 46; ++seed) {
    const auto incident = MakeIncident(seed, {});
    if (!incident || incident->incident_class == IncidentClass::kUnknown) continue;
    const double sum = std::accumulate(incident->shares.begin(), incident->shares.end(), 0.0);
    const double most = *std::max_element(incident->shares.begin(), incident->shares.end());
    EXPECT_NEAR(sum, 1, 1e-9) << "seed " << seed;
    EXPECT_GE(incident->lost - incident->lost_at_best, kLostMin) << "seed " << seed;
    if (incident->incident_class == IncidentClass::kMixed) {
      EXPECT_LE(most, kMixedShare) << "seed " << seed;
    } else {
      EXPECT_GE(most, kPureShare) << "seed " << seed;
    }
  }
}

// 40 minutes of it: half of all minutes are silent, the others bring everything within seconds.
Trace BurstyTrace() {
  std::vector<TracedRequest> requests;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    requests.push_back({std::chrono::minutes(i / 200 * 2) + std::chrono::milliseconds(i % 200 * 25),
                        1000 + i % 5 * 600, 5 + i % 3 * 20});
  }
  return std::make_shared<const std::vector<TracedRequest>>(std::move(requests));
}

TEST(LabelledIncident, EveryClassIsMadeOfTheMostBurstyTraceToo) {
  const IncidentTraffic traffic{.trace = BurstyTrace()};
  std::array<int, kIncidentClassCount> made{};
  for (const std::uint64_t seed : {1, 4, 5, 6, 11}) {
    const auto incident = MakeIncident(seed, traffic);
    ASSERT_TRUE(incident) << "seed " << seed;
    ++made[static_cast<std::size_t>(incident->incident_class)];
    // What is ordinary alone costs nobody an answer.
    Scenario quiet = Counterfactual(incident->scenario, {.hostile = false, .lost_capacity = false});
    quiet.crowds.clear();
    EXPECT_GE(Simulate(quiet).honest_good_share(), 0.98) << "seed " << seed;
  }
  for (const int count : made) EXPECT_GT(count, 0);
}

TEST(LabelledIncident, AreMadeOfASingleRequestAndOfARealTrace) {
  const auto real =
      ReadTrace(HOLDFAST_SOURCE_DIR "/tests/data/traces/azure_conversation_2023_excerpt.csv");
  ASSERT_TRUE(real) << real.error().message;
  const auto single = std::make_shared<const std::vector<TracedRequest>>(
      std::vector<TracedRequest>{{Duration(0), 500, 100}});
  for (const Trace& trace : {*real, Trace(single)}) {
    for (std::uint64_t seed = 20; seed < 23; ++seed) {
      EXPECT_TRUE(MakeIncident(seed, {.trace = trace})) << "seed " << seed;
    }
  }
}

TEST(LabelledIncident, IsWrittenWithItsTruthAndAVerdictThatVerifies) {
  const auto incident = MakeIncident(5, {});
  ASSERT_TRUE(incident);
  const auto folder = std::filesystem::path(testing::TempDir()) / "labelled_incident";
  const auto written = WriteIncident(*incident, folder);
  ASSERT_TRUE(written) << written.error().message;
  std::string line;
  std::ifstream requests(folder / "requests.csv");
  ASSERT_TRUE(std::getline(requests, line));
  EXPECT_EQ(line.substr(line.size() - 10), "is_hostile");
  ASSERT_TRUE(std::getline(requests, line));
  std::ifstream summary(folder / "incident.json");
  ASSERT_TRUE(std::getline(summary, line));
  EXPECT_NE(line.find(IncidentClassWord(incident->incident_class)), std::string::npos);
  std::ifstream file(folder / "bundle.json", std::ios::binary);
  const std::string bundle{std::istreambuf_iterator<char>(file), {}};
  const auto verification = incidents::Verify(bundle);
  ASSERT_TRUE(verification) << verification.error().message;
  EXPECT_TRUE(verification->differences.empty());
  EXPECT_EQ(*written, verdict::LabelWord(LabelOf(incident->incident_class)));
  std::filesystem::remove_all(folder);
}

TEST(LabelledIncident, CannotBeWrittenWhereThereIsAFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / "labelled_incident_file";
  std::ofstream(path) << "x";
  EXPECT_FALSE(WriteIncident(DraftIncident(1, IncidentClass::kCrowd, {}), path));
  std::filesystem::remove(path);
}

// The error this software must not make.
TEST(Verdict, NeverCallsAPureCrowdAnAttack) {
  int crowds = 0;
  for (std::uint64_t seed = 500; crowds < 6; ++seed) {
    LabelledIncident incident = DraftIncident(seed, IncidentClass::kCrowd, {});
    incident.seed = seed;
    const JudgedCase judged = JudgeIncident(incident);
    EXPECT_FALSE(judged.ever_claimed_attack) << "seed " << seed;
    ++crowds;
  }
}

// The door lets regulars go first while far too much is asked. A replay that does not is like
// nothing that was seen, and says of every attack that it is unknown.
TEST(Verdict, NamesAttacksOnAHouseThatHasRegulars) {
  for (const std::uint64_t seed : {1013, 1015}) {
    const auto incident = MakeIncident(seed, {});
    ASSERT_TRUE(incident);
    ASSERT_EQ(incident->incident_class, IncidentClass::kAttack);
    EXPECT_EQ(JudgeIncident(*incident).label, verdict::Label::kAttack) << "seed " << seed;
  }
}

TEST(Verdict, IsMadeWithTheCoefficientsItIsGiven) {
  LabelledIncident incident = DraftIncident(500, IncidentClass::kCrowd, {});
  incident.seed = 500;
  guard::Calibration believes_no_evil{.prior = -20, .family_max = guard::kCalibration.family_max};
  guard::Calibration believes_all = believes_no_evil;
  believes_all.prior = 20;
  const JudgedCase innocent = JudgeIncident(incident, believes_no_evil);
  EXPECT_LT(innocent.brier, 0.001);
  EXPECT_EQ(innocent.label, verdict::Label::kDemand);
  const JudgedCase guilty = JudgeIncident(incident, believes_all);
  EXPECT_GT(guilty.brier, 0.999);
  EXPECT_EQ(guilty.label, verdict::Label::kUnknown) << "there was nobody to lose anything";
}

}  // namespace
}  // namespace holdfast::drill
