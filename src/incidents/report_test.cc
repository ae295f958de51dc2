#include "incidents/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "incidents/explain.h"
#include "incidents/test_incident.h"
#include "incidents/timeline.h"

namespace holdfast::incidents {
namespace {

using testing::HasSubstr;
using testing::Not;

class Reports : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    bundle_ = new Bundle(MakeBundle(test::MakeInput(), Depth::kEarly, 1737986520, 1).bundle);
    verdict_ = new verdict::Verdict(JudgeBundle(*bundle_));
  }
  static void TearDownTestSuite() {
    delete bundle_;
    delete verdict_;
  }
  static inline Bundle* bundle_ = nullptr;
  static inline verdict::Verdict* verdict_ = nullptr;
};

TEST_F(Reports, SayTheSameInEveryForm) {
  const auto sentences = json::Find(bundle_->claims.as_object(), "sentences")->as_array();
  ASSERT_GE(sentences.size(), 3U);
  for (const ReportFormat format :
       {ReportFormat::kJson, ReportFormat::kMarkdown, ReportFormat::kHtml}) {
    const std::string report = WriteReport(*bundle_, *verdict_, format);
    EXPECT_EQ(report, WriteReport(*bundle_, *verdict_, format));
    for (const json::Value& sentence : sentences) {
      EXPECT_THAT(report, HasSubstr(std::string(sentence.as_string())));
    }
  }
}

TEST_F(Reports, HtmlHasChartsAndNeedsNothingFromOutside) {
  const std::string html = WriteReport(*bundle_, *verdict_, ReportFormat::kHtml);
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("Refusals, by reason"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("href=")));
}

TEST_F(Reports, TimelineAddsUpToTheRecords) {
  const Timeline timeline = MakeTimeline(bundle_->input, JudgementOf(bundle_->depth));
  double attempts = 0;
  for (const TimelineStep& step : timeline.steps) {
    attempts += (step.honest + step.hostile) * guard::ToSeconds(timeline.step);
    EXPECT_LE(step.honest_lost, step.honest + 1e-9);
  }
  EXPECT_NEAR(attempts, static_cast<double>(bundle_->input.records.size()), 1e-6);
  double refused = 0;
  for (const RefusalCount& count : timeline.refusals) refused += count.honest + count.hostile;
  EXPECT_NEAR(
      refused,
      static_cast<double>(std::ranges::count(bundle_->input.records, guard::Ending::kRefused,
                                             &verdict::JournalRecord::ending)),
      1e-6);
}

TEST_F(Reports, ExplainSaysWhatDroveItAndWhatWouldChangeIt) {
  const std::string text = Explain(*bundle_, *verdict_);
  EXPECT_THAT(text, HasSubstr("What drove it"));
  EXPECT_THAT(text, HasSubstr("newcomers"));
  EXPECT_THAT(text, HasSubstr("if all capacity had been there"));
  const std::vector<Variation> variations = Vary(*bundle_, *verdict_);
  EXPECT_TRUE(std::ranges::is_sorted(variations, std::greater(), &Variation::change));
  const auto without =
      std::ranges::find(variations, "without the evidence 'newcomers'", &Variation::what);
  ASSERT_NE(without, variations.end());
  EXPECT_LT(without->verdict.shares[0].low, verdict_->shares[0].low);
  const auto whole =
      std::ranges::find(variations, "if all capacity had been there", &Variation::what);
  ASSERT_NE(whole, variations.end());
  EXPECT_EQ(whole->verdict.shares[2].median, 0);
}

TEST(Report, OfAnUnknownCauseSaysSoPlainly) {
  verdict::JudgeInput input = test::MakeInput();
  input.gaps = {{input.onset, input.end}};
  const Bundle bundle = MakeBundle(input, Depth::kEarly, 1737986520, 1).bundle;
  const verdict::Verdict verdict = JudgeBundle(bundle);
  const std::string report = WriteReport(bundle, verdict, ReportFormat::kMarkdown);
  EXPECT_THAT(report, HasSubstr("The traffic journal misses a part of the incident"));
  EXPECT_THAT(report, HasSubstr("Verdict: not known."));
  EXPECT_THAT(Explain(bundle, verdict), HasSubstr("not known"));
}

}  // namespace
}  // namespace holdfast::incidents
