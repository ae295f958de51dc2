#include "incidents/internal/rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <span>

#include "incidents/bundle.h"

namespace holdfast::incidents {
namespace {

using guard::ClusterScore;
using guard::Duration;
using guard::Time;
using verdict::JournalRecord;

constexpr std::int64_t kNameMax = std::int64_t{1} << 32;  // Re-keyed names are small numbers.
constexpr std::int64_t kSpan_ms = 25 * 3600 * 1000;
constexpr std::int64_t kTokensMax = 1 << 22;
constexpr std::int64_t kWeightMax = 1 << 20;
constexpr std::int64_t kLogOdds_m = 100'000;  // Thousandths.
constexpr std::int64_t kLlr_c = 100'000;      // Hundredths.
constexpr double kCostMax = 1e15;

struct Column {
  const char* name;
  std::int64_t min;
  std::int64_t max;
};

enum RecordColumn {
  kArrival,
  kClient,
  kGroup,
  kRequest,
  kHeld,
  kFirstToken,
  kTokenInterval,
  kPatience,
  kRetryAfter,
  kPrompt,
  kOutput,
  kTokensAsked,
  kWeight,
  kClients,
  kRoute,
  kStanding,
  kEnding,
  kRefusal,
  kAttempt,
  kIsBatch,
  kIsOpen,
  kRecordColumns
};

constexpr std::array<Column, kRecordColumns> kRecord = {{
    {"arrival_ms", 0, kSpan_ms},
    {"client", 0, kNameMax},
    {"group", 0, kNameMax},
    {"request", 0, kNameMax},
    {"held_ms", 0, kSpan_ms},
    {"first_token_ms", 0, kSpan_ms},
    {"token_interval_us", 0, kSpan_ms * 1000},
    {"patience_ms", 0, kSpan_ms},
    {"retry_after_ms", 0, kSpan_ms},
    {"prompt_tokens", 0, kTokensMax},
    {"output_tokens", 0, kTokensMax},
    {"tokens_max", 0, kTokensMax},
    {"weight", 1, kWeightMax},
    {"clients", 1, kWeightMax},
    {"route", 0, guard::kRouteCount - 1},
    {"standing", 0, guard::kStandingCount - 1},
    {"ending", 0, guard::kEndingCount - 1},
    {"refusal", 0, guard::kRefusalCount - 1},
    {"attempt", 0, 255},
    {"is_batch", 0, 1},
    {"is_open", 0, 1},
}};

enum ScoreColumn {
  kScoreClient,
  kScoreGroup,
  kOdds,
  kRequests,
  kCost,
  kScoreWeight,
  kScoreColumns
};

constexpr std::array<Column, kScoreColumns> kScore = {{
    {"client", 0, kNameMax},
    {"group", 0, kNameMax},
    {"log_odds_milli", -kLogOdds_m, kLogOdds_m},
    {"requests", 0, std::int64_t{1} << 32},
    {"cost", 0, static_cast<std::int64_t>(kCostMax)},
    {"weight", 1, kWeightMax},
}};

// Detectors that saw something follow, as pairs.
constexpr std::array<Column, 2> kSaw = {{
    {"detector", 0, guard::kDetectorCount - 1},
    {"llr_centi", -kLlr_c, kLlr_c},
}};

std::int64_t Clamped(double value, const Column& column) {
  const double bounded =
      std::clamp(value, static_cast<double>(column.min), static_cast<double>(column.max));
  return std::llround(bounded);
}

std::int64_t Clamped(std::uint64_t value, const Column& column) {
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(column.max)));
}

// To the nearest millisecond; what is not zero stays so.
std::int64_t Millis(Duration duration, const Column& column) {
  const std::int64_t micros = duration.count();
  const std::int64_t millis = micros > 0 ? std::max<std::int64_t>((micros + 500) / 1000, 1) : 0;
  return std::clamp(millis, column.min, column.max);
}

Duration FromMillis(std::int64_t millis) { return std::chrono::milliseconds(millis); }

std::array<std::int64_t, kRecordColumns> RowOf(const JournalRecord& record) {
  return {Millis(record.arrival.time_since_epoch(), kRecord[kArrival]),
          Clamped(record.client, kRecord[kClient]),
          Clamped(record.group, kRecord[kGroup]),
          Clamped(record.request, kRecord[kRequest]),
          Millis(record.held, kRecord[kHeld]),
          Millis(record.first_token, kRecord[kFirstToken]),
          std::clamp<std::int64_t>(record.token_interval.count(), 0, kRecord[kTokenInterval].max),
          Millis(record.patience, kRecord[kPatience]),
          Millis(record.retry_after, kRecord[kRetryAfter]),
          std::min<std::int64_t>(record.prompt_tokens, kTokensMax),
          std::min<std::int64_t>(record.output_tokens, kTokensMax),
          std::min<std::int64_t>(record.tokens_max, kTokensMax),
          Clamped(record.weight, kRecord[kWeight]),
          Clamped(record.clients, kRecord[kClients]),
          static_cast<std::int64_t>(record.route),
          static_cast<std::int64_t>(record.standing),
          static_cast<std::int64_t>(record.ending),
          static_cast<std::int64_t>(record.refusal),
          record.attempt,
          record.is_batch,
          record.is_open};
}

JournalRecord RecordOf(const std::array<std::int64_t, kRecordColumns>& row) {
  return {.arrival = Time(FromMillis(row[kArrival])),
          .client = static_cast<std::uint64_t>(row[kClient]),
          .group = static_cast<std::uint64_t>(row[kGroup]),
          .request = static_cast<std::uint64_t>(row[kRequest]),
          .held = FromMillis(row[kHeld]),
          .first_token = FromMillis(row[kFirstToken]),
          .token_interval = Duration(row[kTokenInterval]),
          .patience = FromMillis(row[kPatience]),
          .retry_after = FromMillis(row[kRetryAfter]),
          .prompt_tokens = static_cast<std::uint32_t>(row[kPrompt]),
          .output_tokens = static_cast<std::uint32_t>(row[kOutput]),
          .tokens_max = static_cast<std::uint32_t>(row[kTokensAsked]),
          .weight = static_cast<float>(row[kWeight]),
          .clients = static_cast<float>(row[kClients]),
          .route = static_cast<guard::Route>(row[kRoute]),
          .standing = static_cast<guard::Standing>(row[kStanding]),
          .ending = static_cast<guard::Ending>(row[kEnding]),
          .refusal = static_cast<guard::Refusal>(row[kRefusal]),
          .attempt = static_cast<std::uint8_t>(row[kAttempt]),
          .is_batch = row[kIsBatch] != 0,
          .is_open = row[kIsOpen] != 0};
}

std::vector<std::int64_t> RowOf(const ClusterScore& score) {
  std::vector<std::int64_t> row = {Clamped(score.client, kScore[kScoreClient]),
                                   Clamped(score.group, kScore[kScoreGroup]),
                                   Clamped(1000 * score.log_odds, kScore[kOdds]),
                                   score.requests,
                                   Clamped(score.cost, kScore[kCost]),
                                   Clamped(score.weight, kScore[kScoreWeight])};
  for (std::size_t d = 0; d < score.llr.size(); ++d) {
    const std::int64_t centi = Clamped(100 * static_cast<double>(score.llr[d]), kSaw[1]);
    if (centi == 0) continue;
    row.push_back(static_cast<std::int64_t>(d));
    row.push_back(centi);
  }
  return row;
}

ClusterScore ScoreOf(std::span<const std::int64_t> row) {
  ClusterScore score{
      .client = static_cast<std::uint64_t>(row[kScoreClient]),
      .group = static_cast<std::uint64_t>(row[kScoreGroup]),
      .log_odds = static_cast<double>(row[kOdds]) / 1000,
      .requests = static_cast<std::uint32_t>(std::min<std::int64_t>(row[kRequests], 0xFFFFFFFF)),
      .cost = static_cast<double>(row[kCost]),
      .weight = static_cast<double>(row[kScoreWeight])};
  for (std::size_t at = kScoreColumns; at + 1 < row.size(); at += 2) {
    score.llr[static_cast<std::size_t>(row[at])] =
        static_cast<float>(static_cast<double>(row[at + 1]) / 100);
  }
  return score;
}

json::Value WriteRow(std::span<const std::int64_t> row) {
  json::Array array;
  array.reserve(row.size());
  for (const std::int64_t number : row) array.emplace_back(number);
  return array;
}

std::unexpected<Error> BadRow(std::string_view section, std::size_t index,
                              const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument, "section '{}': row {}: {}", section, index, what);
}

Result<std::int64_t> ReadCell(const json::Value& value, const Column& column) {
  const bool is_whole = value.is_int64();
  if (!is_whole) return Fail(ErrorCode::kInvalidArgument, "'{}' is no whole number", column.name);
  const std::int64_t number = value.get_int64();
  if (number < column.min || number > column.max) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is {}, outside {}..{}", column.name, number,
                column.min, column.max);
  }
  return number;
}

}  // namespace

JournalRecord Rounded(const JournalRecord& record) { return RecordOf(RowOf(record)); }
ClusterScore Rounded(const ClusterScore& score) { return ScoreOf(RowOf(score)); }

json::Value WriteRecords(const std::vector<JournalRecord>& records) {
  json::Array rows;
  rows.reserve(records.size());
  for (const JournalRecord& record : records) rows.push_back(WriteRow(RowOf(record)));
  return rows;
}

json::Value WriteScores(const std::vector<ClusterScore>& scores) {
  json::Array rows;
  rows.reserve(scores.size());
  for (const ClusterScore& score : scores) rows.push_back(WriteRow(RowOf(score)));
  return rows;
}

Result<void> ReadRecords(const json::Object& sections, std::vector<JournalRecord>& records) {
  TRY_ASSIGN(const json::Array* rows, json::RequireArray(sections, "records", kBundleRecordsMax));
  records.reserve(rows->size());
  for (const json::Value& value : *rows) {
    const std::size_t index = records.size();
    if (!value.is_array() || value.get_array().size() != kRecord.size()) {
      return BadRow("records", index, "not as many columns as a record has");
    }
    std::array<std::int64_t, kRecordColumns> row{};
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto cell = ReadCell(value.get_array()[c], kRecord[c]);
      if (!cell) return BadRow("records", index, cell.error().message);
      row[c] = *cell;
    }
    if (row[kClients] > row[kWeight]) return BadRow("records", index, "more clients than weight");
    records.push_back(RecordOf(row));
  }
  return {};
}

Result<void> ReadScores(const json::Object& sections, std::vector<ClusterScore>& scores) {
  TRY_ASSIGN(const json::Array* rows, json::RequireArray(sections, "scores", kBundleScoresMax));
  scores.reserve(rows->size());
  for (const json::Value& value : *rows) {
    const std::size_t index = scores.size();
    const std::size_t size = value.is_array() ? value.get_array().size() : 0;
    const std::size_t size_max = kScoreColumns + 2 * std::size_t{guard::kDetectorCount};
    if (size < kScoreColumns || size > size_max || (size - kScoreColumns) % 2 != 0) {
      return BadRow("scores", index, "not as many columns as a score has");
    }
    std::vector<std::int64_t> row;
    for (std::size_t c = 0; c < size; ++c) {
      const Column& column = c < kScoreColumns ? kScore[c] : kSaw[(c - kScoreColumns) % 2];
      const auto cell = ReadCell(value.get_array()[c], column);
      if (!cell) return BadRow("scores", index, cell.error().message);
      row.push_back(*cell);
    }
    scores.push_back(ScoreOf(row));
  }
  return {};
}

}  // namespace holdfast::incidents
