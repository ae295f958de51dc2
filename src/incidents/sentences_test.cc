#include "incidents/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::incidents {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kZero = 1737986520;  // 2025-01-27 14:02:00 UTC.

verdict::Verdict Attack() {
  verdict::Verdict verdict{.label = verdict::Label::kAttack};
  verdict.shares = {verdict::Share{0.81, 0.74, 0.88}, verdict::Share{0.12, 0.07, 0.2},
                    verdict::Share{0.07, 0.04, 0.09}};
  verdict.counted_share = 1;
  verdict.requests = 2865;
  verdict.lost_observed = 1089;
  verdict.clients = 10'300;
  verdict.hostile_clients = 9800;
  verdict.hostile_requests = 212'000;
  verdict.detectors[static_cast<std::size_t>(guard::Detector::kNewcomers)] = {9000, 2};
  verdict.detectors[static_cast<std::size_t>(guard::Detector::kSignUpLockstep)] = {9500, 3};
  return verdict;
}

TEST(Sentences, TellLossSharesAndWho) {
  EXPECT_THAT(
      Sentences(Attack(), kZero),
      ElementsAre(
          "Since 14:02 UTC, 38 % of honest requests were late, refused or broken (1,089 of 2,865).",
          "Of that, 81 % (74-88) was attack, 12 % (7-20) demand beyond what the service is built "
          "for, 7 % (4-9) lost capacity.",
          "Held hostile: about 9,800 of 10,300 clients, with 212,000 requests; most telling: "
          "sign-ups in lock-step, never seen before in such numbers.",
          "Verdict: an attack."));
}

TEST(Sentences, SayWhatWasCountedAndLeaveOutAnAttackThatWasNone) {
  verdict::Verdict verdict = Attack();
  verdict.label = verdict::Label::kDemand;
  verdict.shares = {verdict::Share{0.004, 0, 0.01}, verdict::Share{0.99, 0.98, 1},
                    verdict::Share{}};
  verdict.counted_share = 0.5;
  EXPECT_THAT(Sentences(verdict, kZero),
              ElementsAre(testing::_,
                          "Of that, 99 % (98-100) was demand beyond what the service is built for, "
                          "0.4 % (0-1) attack, 0 % (0-0) lost capacity.",
                          "Counted was the middle 50 % of the incident.",
                          "Verdict: more honest demand than the service is built for, not an "
                          "attack."));
}

TEST(Sentences, EveryReasonNotToKnowHasItsOwn) {
  std::vector<std::string> told;
  for (int why = 1; why < verdict::kWhyUnknownCount; ++why) {
    verdict::Verdict verdict = Attack();
    verdict.label = verdict::Label::kUnknown;
    verdict.why_unknown = static_cast<verdict::WhyUnknown>(why);
    const std::vector<std::string> sentences = Sentences(verdict, kZero);
    ASSERT_EQ(sentences.size(), 3U);
    EXPECT_FALSE(sentences[1].empty());
    EXPECT_THAT(told, testing::Not(testing::Contains(sentences[1])));
    told.push_back(sentences[1]);
    EXPECT_EQ(sentences[2], "Verdict: not known.");
  }
}

TEST(Sentences, EveryDetectorHasItsPhrase) {
  for (int d = 0; d < guard::kDetectorCount; ++d) {
    EXPECT_FALSE(DetectorPhrase(static_cast<guard::Detector>(d)).empty()) << d;
  }
}

TEST(Sentences, FormatFiguresPlainly) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999.6), "1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Percent(0), "0 %");
  EXPECT_EQ(Percent(0.004), "0.4 %");
  EXPECT_EQ(Percent(0.999), "100 %");
  EXPECT_EQ(UtcDate(guard::AtSeconds(36000), kZero), "2025-01-28");
  EXPECT_EQ(UtcSecond(guard::AtSeconds(7), kZero), "14:02:07 UTC");
  EXPECT_EQ(UtcMinute(guard::AtSeconds(36000), kZero), "00:02 UTC");
}

}  // namespace
}  // namespace holdfast::incidents
