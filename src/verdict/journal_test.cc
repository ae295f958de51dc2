#include "verdict/journal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::verdict {
namespace {

RequestFacts Facts(double at_s, std::uint64_t client, std::uint64_t fingerprint,
                   std::uint64_t payload, int attempt = 0) {
  return {.time = AtSeconds(at_s),
          .caller = {.account = client, .fingerprint = fingerprint},
          .payload = payload,
          .prompt_tokens = static_cast<std::uint32_t>(100 + payload % 1000),
          .attempt = static_cast<std::uint8_t>(attempt)};
}

OutcomeFacts Served(double end_s) {
  return {
      .time = AtSeconds(end_s), .caller = {}, .output_tokens = 50, .first_token = FromSeconds(0.2)};
}

OutcomeFacts Refused(double end_s) {
  return {.time = AtSeconds(end_s),
          .caller = {},
          .ending = Ending::kRefused,
          .refusal = Refusal::kQueueFull};
}

// A minute of 40 honest clients with 27 requests each, and a flood of 43,000 from `sources` clients
// with another fingerprint.
void Fill(Journal& journal, std::uint64_t sources, std::uint64_t seed, double& requests,
          double& tokens) {
  Random random(seed);
  for (int i = 0; i < 44'000; ++i) {
    const double at = 60.0 * i / 44'000;
    const bool is_flood = i % 41 != 0;
    const std::uint64_t client = is_flood ? 1000 + random.Next() % sources : 1 + random.Next() % 40;
    const RequestFacts facts = Facts(at, client, is_flood ? 7 : 8, random.Next());
    journal.Add(facts, Served(at + 0.01));
    ++requests;
    tokens += facts.prompt_tokens + 50;
  }
}

struct FloodCase {
  const char* name;
  std::uint64_t sources;
};
class JournalUnderFlood : public testing::TestWithParam<FloodCase> {};

TEST_P(JournalUnderFlood, TotalsAreUnbiasedAndTheirErrorIsHonest) {
  constexpr int kSeeds = 60;
  double sum = 0;
  double squares = 0;
  double stated = 0;
  double token_sum = 0;
  double token_squares = 0;
  double requests = 0;
  double tokens = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Journal journal({.records_max = 6000}, static_cast<std::uint64_t>(seed));
    requests = tokens = 0;
    Fill(journal, GetParam().sources, 1, requests, tokens);
    EXPECT_LE(journal.size(), 6000U);
    const Journal::Estimate estimate = journal.Requests(Time{}, AtSeconds(60));
    const Journal::Estimate of_tokens = journal.Tokens(Time{}, AtSeconds(60));
    sum += estimate.value;
    squares += (estimate.value - requests) * (estimate.value - requests);
    stated += estimate.deviation * estimate.deviation;
    token_sum += of_tokens.value;
    token_squares += (of_tokens.value - tokens) * (of_tokens.value - tokens);
  }
  const double error = std::sqrt(squares / kSeeds / kSeeds);
  EXPECT_NEAR(sum / kSeeds, requests, 3 * error);
  EXPECT_NEAR(token_sum / kSeeds, tokens, 3 * std::sqrt(token_squares / kSeeds / kSeeds));
  EXPECT_GT(error, 0);
  // Variances of 60 runs scatter by a fifth.
  EXPECT_NEAR(std::sqrt(stated / squares), 1, 0.3);
}

INSTANTIATE_TEST_SUITE_P(Sources, JournalUnderFlood,
                         testing::Values(FloodCase{"one", 1}, FloodCase{"few", 20},
                                         FloodCase{"many", 5000}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Journal, AFloodThinsItselfAndTheFewStayWhole) {
  Journal journal({.records_max = 6000}, 1);
  double requests = 0;
  double tokens = 0;
  Fill(journal, 5000, 1, requests, tokens);
  int honest = 0;
  for (const JournalRecord& record : journal.Records(Time{}, AtSeconds(60))) {
    if (record.client >= 1000) {
      EXPECT_GE(record.weight, 8);
    } else {
      EXPECT_EQ(record.weight, 1);
      ++honest;
    }
  }
  EXPECT_EQ(honest, 1074);
}

TEST(Journal, KeptClientsHaveTheirWholeStreams) {
  Journal journal({.records_max = 1000}, 5);
  for (int round = 0; round < 20; ++round) {
    for (std::uint64_t client = 1; client <= 500; ++client) {
      const double at = round + static_cast<double>(client) / 1000;
      journal.Add(Facts(at, client, 3, client + 7777U * static_cast<unsigned>(round)), Served(at));
    }
  }
  std::map<std::uint64_t, int> count;
  for (const JournalRecord& record : journal.Records(Time{}, AtSeconds(60))) {
    ++count[record.client];
    EXPECT_GT(record.clients, 1);
    EXPECT_EQ(record.weight, record.clients);
  }
  EXPECT_GT(count.size(), 10U);
  for (const auto& [client, records] : count) EXPECT_EQ(records, 20) << client;
}

TEST(Journal, KeepsRetryChainsOfAHeavyClientWhole) {
  Journal journal({.records_max = 1000}, 6);
  Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t payload = random.Next();
    const double at = i * 0.01;
    journal.Add(Facts(at, 9, 3, payload, 0), Refused(at));
    journal.Add(Facts(at + 0.002, 9, 3, payload, 1), Refused(at + 0.002));
    journal.Add(Facts(at + 0.004, 9, 3, payload, 2), Served(at + 0.005));
  }
  std::map<std::uint64_t, int> attempts;
  for (const JournalRecord& record : journal.Records(Time{}, AtSeconds(1000))) {
    ++attempts[record.request];
    EXPECT_EQ(record.clients, 1);
  }
  EXPECT_GT(attempts.size(), 100U);
  int broken = 0;
  for (const auto& [request, count] : attempts) broken += count == 3 ? 0 : 1;
  EXPECT_LE(broken, 2);  // The one that was under way when the journal was thinned.
}

TEST(Journal, OneClientRepeatingOnePromptIsSampledToo) {
  Journal journal({.records_max = 512}, 6);
  for (int i = 0; i < 100'000; ++i) journal.Add(Facts(i * 1e-4, 9, 3, 5), Served(i * 1e-4));
  EXPECT_GT(journal.size(), 100U);
  EXPECT_NEAR(journal.Requests(Time{}, AtSeconds(11)).value, 100'000, 30'000);
}

TEST(Journal, DropsWhatIsOlderThanItsHorizonAndKeepsMoreAgainAfterwards) {
  Journal journal({.records_max = 1000, .horizon = std::chrono::seconds(60)}, 7);
  double requests = 0;
  double tokens = 0;
  Fill(journal, 5000, 1, requests, tokens);
  for (int i = 0; i < 6000; ++i) {
    const double at = 100 + i * 0.1;
    journal.Add(Facts(at, 1000 + static_cast<std::uint64_t>(i), 7, 1), Served(at));
  }
  const auto last = journal.Records(AtSeconds(690), AtSeconds(700));
  EXPECT_EQ(last.size(), 100U);
  EXPECT_TRUE(std::ranges::all_of(last, [](const auto& record) { return record.weight == 1; }));
  EXPECT_TRUE(journal.Records(Time{}, AtSeconds(600)).empty());
}

TEST(Journal, KnowsWhatIsUnderWay) {
  Journal journal({}, 8);
  journal.Begin(Facts(1, 5, 3, 1));
  journal.Begin(Facts(2, 6, 3, 2));
  journal.Add(Facts(1, 5, 3, 1), Served(4));
  EXPECT_EQ(journal.Records(Time{}, AtSeconds(9)).size(), 1U);
  const auto records = journal.Records(Time{}, AtSeconds(9), AtSeconds(5));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_TRUE(records[1].is_open);
  EXPECT_EQ(records[1].held, std::chrono::seconds(3));
}

TEST(Journal, KnowsWhenTheFirstTokenOfWhatIsUnderWayCame) {
  Journal journal({}, 8);
  journal.Begin(Facts(1, 5, 3, 1));
  journal.Begin(Facts(2, 6, 3, 2));
  journal.OnFirstToken(Facts(2, 6, 3, 2), AtSeconds(4));
  journal.OnFirstToken(Facts(3, 7, 3, 3), AtSeconds(4));  // Not begun here.
  const auto records = journal.Records(Time{}, AtSeconds(9), AtSeconds(5));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].first_token, Duration{0});
  EXPECT_EQ(records[1].first_token, std::chrono::seconds(2));
}

TEST(Journal, MakesAGapLongerThatGoesOn) {
  Journal journal({}, 9);
  for (int i = 0; i < 100; ++i) journal.MarkGap(AtSeconds(i), AtSeconds(i + 1));
  const auto gaps = journal.Gaps(Time{}, AtSeconds(2000));
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].to, AtSeconds(100));
}

TEST(Journal, WhatIsTooOldBecomesAGap) {
  Journal journal({.horizon = std::chrono::minutes(20)}, 9);
  journal.MarkGap(AtSeconds(100), AtSeconds(200));
  journal.MarkGap(AtSeconds(550), AtSeconds(700));
  for (int minute = 1; minute <= 30; ++minute) {
    journal.Add(Facts(60 * minute, 1, 3, 7), Served(60 * minute));
    if (minute <= 20) {
      EXPECT_EQ(journal.Gaps(Time{}, AtSeconds(3600)).size(), 2U);
    }
  }
  // Of the 30 minutes the last 20 are whole. Gaps within what was dropped are part of it.
  const auto gaps = journal.Gaps(Time{}, AtSeconds(3600));
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].from, Time{});
  EXPECT_EQ(gaps[0].to, AtSeconds(600));
  EXPECT_EQ(gaps[1].from, AtSeconds(600));
  EXPECT_EQ(gaps[1].to, AtSeconds(700));
  EXPECT_TRUE(journal.Gaps(AtSeconds(700), AtSeconds(3600)).empty());
}

TEST(Journal, JoinsTheClosestGapsWhenThereAreTooMany) {
  Journal journal({}, 9);
  for (int i = 0; i < 100; ++i) journal.MarkGap(AtSeconds(10 * i), AtSeconds(10 * i + 1));
  journal.MarkGap(AtSeconds(5), AtSeconds(5));
  const auto gaps = journal.Gaps(Time{}, AtSeconds(2000));
  EXPECT_EQ(gaps.size(), 64U);
  EXPECT_EQ(gaps.front().from, Time{});
  EXPECT_EQ(gaps.back().to, AtSeconds(991));
  EXPECT_TRUE(journal.Gaps(AtSeconds(2000), AtSeconds(3000)).empty());
}

TEST(Journal, CountsAsLostWhatTheCallerLost) {
  const ServiceLevel level;
  JournalRecord record{.first_token = std::chrono::seconds(1), .output_tokens = 5};
  EXPECT_FALSE(WasLost(record, level));
  record.ending = Ending::kAbandoned;  // Of an answer that came in time.
  EXPECT_FALSE(WasLost(record, level));
  record.first_token = Duration{0};
  EXPECT_TRUE(WasLost(record, level));
  EXPECT_TRUE(WasLost({.first_token = std::chrono::seconds(11)}, level));
  EXPECT_TRUE(WasLost(
      {.first_token = std::chrono::seconds(1), .token_interval = std::chrono::milliseconds(300)},
      level));
  EXPECT_TRUE(WasLost({.ending = Ending::kRefused}, level));
}

}  // namespace
}  // namespace holdfast::verdict
