#include "guard/evidence/detectors.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

// Each row: one who should be suspected, and one who looks alike and is honest.
struct Case {
  Detector detector;
  std::string hostile_name;
  std::function<void(ClientFeatures&, ClientView&)> hostile;
  std::string honest_name;
  std::function<void(ClientFeatures&, ClientView&)> honest;
};

const Ordinary kWeb = OrdinaryOf(Baseline{}.conduct[0]);

float Saw(Detector detector, const std::function<void(ClientFeatures&, ClientView&)>& make) {
  ClientFeatures client{.requests = 1, .generations = 1, .entry = Route::kChat};
  client.Set(Trait::kEntered);
  ClientView view{.client = client, .ordinary = kWeb, .groups = {}};
  make(client, view);
  return Detect(view)[static_cast<std::size_t>(detector)];
}

GroupView& In(ClientView& view, GroupKind kind) {
  return view.groups[static_cast<std::size_t>(kind)];
}

std::function<void(ClientFeatures&, ClientView&)> MemberOf(GroupKind kind, GroupView group) {
  return [=](ClientFeatures&, ClientView& view) { In(view, kind) = group; };
}

void Slow(ClientFeatures& client, std::uint16_t count) {
  client.connections[static_cast<std::size_t>(ConnectionEvent::kSlowHead)] = count;
}
void Shake(ClientFeatures& client, std::uint16_t count) {
  client.connections[static_cast<std::size_t>(ConnectionEvent::kHandshakeOnly)] = count;
}

// Evidence of hostility: above 0.5 for the one, at most 0.1 for the other.
std::vector<Case> HostilityCases() {
  const GroupView bots{.excess = 4, .misconduct = 2};
  const GroupView crowd{.excess = 4, .misconduct = -0.1};
  return {
      {Detector::kNewcomers, "new without a page, in a surge of such",
       [](ClientFeatures& client, ClientView& view) {
         client.Set(Trait::kNewcomer);
         In(view, GroupKind::kDoor).excess = 3;
       },
       "new by a page, in a surge of such",
       [](ClientFeatures& client, ClientView& view) {
         client.Set(Trait::kNewcomer);
         client.Set(Trait::kPaged);
         In(view, GroupKind::kDoor).excess = 3;
       }},
      {Detector::kLowRateSwarm, "swarm", MemberOf(GroupKind::kDoor, bots), "crowd",
       MemberOf(GroupKind::kDoor, crowd)},
      {Detector::kPayloadSimilarity, "same prompt from bots", MemberOf(GroupKind::kPayload, bots),
       "viral prompt", MemberOf(GroupKind::kPayload, crowd)},
      {Detector::kFingerprintConcentration, "one make of bot",
       MemberOf(GroupKind::kFingerprint, bots), "one make of phone",
       MemberOf(GroupKind::kFingerprint, crowd)},
      {Detector::kPrefixConcentration, "bots of one network", MemberOf(GroupKind::kPrefix, bots),
       "a university", MemberOf(GroupKind::kPrefix, crowd)},
      {Detector::kSourceRate, "one fast source",
       [](ClientFeatures& client, ClientView&) { client.burst_max = 200; },
       "an office behind one address",
       [](ClientFeatures& client, ClientView&) {
         client.burst_max = 200;
         client.fingerprint_changes = 40;
       }},
      {Detector::kSlowConnections, "many slow heads",
       [](ClientFeatures& client, ClientView&) { Slow(client, 20); }, "one bad line",
       [](ClientFeatures& client, ClientView&) { Slow(client, 1); }},
      {Detector::kHandshakes, "handshakes alone",
       [](ClientFeatures& client, ClientView&) { Shake(client, 50); }, "a browser's spare ones",
       [](ClientFeatures& client, ClientView&) { Shake(client, 2); }},
      {Detector::kPasswordStuffing, "guesses",
       [](ClientFeatures& client, ClientView&) { client.guesses = client.log_ins = 10; },
       "typed it wrong once, then right",
       [](ClientFeatures& client, ClientView&) {
         client.guesses = 1;
         client.log_ins = 2;
       }},
      {Detector::kSignUpLockstep, "signs up with its likes",
       [=](ClientFeatures& client, ClientView& view) {
         client.sign_ups = 1;
         In(view, GroupKind::kPrefix) = bots;
       },
       "signs up in a crowd",
       [=](ClientFeatures& client, ClientView& view) {
         client.sign_ups = 1;
         In(view, GroupKind::kPrefix) = crowd;
       }},
      {Detector::kCostAtLimits, "all at the limit",
       [](ClientFeatures& client, ClientView&) { client.costly = client.generations = 5; },
       "one long document of five",
       [](ClientFeatures& client, ClientView&) {
         client.costly = 1;
         client.generations = 5;
       }},
      {Detector::kAbandonedStreams, "leaves every answer",
       [](ClientFeatures& client, ClientView&) { client.cut_short = client.streamed = 6; },
       "stops one of six",
       [](ClientFeatures& client, ClientView&) {
         client.cut_short = 1;
         client.streamed = 6;
       }},
  };
}

TEST(Detectors, SuspectTheHostileAndSpareTheirHonestLookAlikes) {
  for (const Case& row : HostilityCases()) {
    EXPECT_GT(Saw(row.detector, row.hostile), 0.5)
        << DetectorWord(row.detector) << ": " << row.hostile_name;
    EXPECT_LE(Saw(row.detector, row.honest), 0.1)
        << DetectorWord(row.detector) << ": " << row.honest_name;
  }
}

// Evidence of honesty: below -0.3 for the one, not below 0 for the other.
std::vector<Case> HonestyCases() {
  const auto nothing = [](ClientFeatures&, ClientView&) {};
  return {
      {Detector::kSeenBefore, "a stranger", nothing, "here before",
       [](ClientFeatures& client, ClientView&) { client.seen = SeenBefore::kClient; }},
      {Detector::kReadsPages, "no page", nothing, "a page, looked at",
       [](ClientFeatures& client, ClientView&) {
         client.Set(Trait::kPaged);
         client.Set(Trait::kDwelt);
       }},
      {Detector::kReadsAnswers, "never reads",
       [](ClientFeatures& client, ClientView&) { client.served = 4; }, "reads all",
       [](ClientFeatures& client, ClientView&) { client.served = client.read = 4; }},
  };
}

TEST(Detectors, SpeakForTheHonestAndNotForOthers) {
  for (const Case& row : HonestyCases()) {
    EXPECT_LT(Saw(row.detector, row.honest), -0.3)
        << DetectorWord(row.detector) << ": " << row.honest_name;
    EXPECT_GE(Saw(row.detector, row.hostile), 0)
        << DetectorWord(row.detector) << ": " << row.hostile_name;
  }
}

TEST(Detectors, SpareNewcomersOfAMakeThatDidNotGrowWithTheSurge) {
  const auto saw = [](bool is_usual) {
    return Saw(Detector::kNewcomers, [=](ClientFeatures& client, ClientView& view) {
      client.Set(Trait::kNewcomer);
      In(view, GroupKind::kDoor).excess = 3;
      In(view, GroupKind::kFingerprint).is_usual = is_usual;
    });
  };
  EXPECT_GT(saw(false), 0.5);
  EXPECT_EQ(saw(true), 0);
}

TEST(Detectors, TwoPagesOfOneMakeAreNoOffice) {
  const auto saw = [](std::uint16_t pages, std::uint32_t requests) {
    return Saw(Detector::kSourceRate, [=](ClientFeatures& client, ClientView&) {
      client.burst_max = 200;
      client.pages = pages;
      client.requests = requests;
    });
  };
  EXPECT_GT(saw(2, 500), 0.5);
  EXPECT_EQ(saw(60, 500), 0) << "sixty people";
}

TEST(Detectors, SayNothingOfAClientThatHadNoOccasion) {
  const ClientFeatures client{.requests = 1, .generations = 1, .entry = Route::kApi};
  const ClientView view{.client = client, .ordinary = kWeb, .groups = {}};
  for (const float evidence : Detect(view)) EXPECT_EQ(evidence, 0);
}

TEST(Detectors, AreAllTriedAboveAndHaveDifferentNames) {
  std::set<Detector> tried;
  std::set<std::string_view> words;
  for (const Case& row : HostilityCases()) tried.insert(row.detector);
  for (const Case& row : HonestyCases()) tried.insert(row.detector);
  for (int i = 0; i < kDetectorCount; ++i) words.insert(DetectorWord(static_cast<Detector>(i)));
  EXPECT_EQ(tried.size(), static_cast<std::size_t>(kDetectorCount));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(kDetectorCount));
}

}  // namespace
}  // namespace holdfast::guard
