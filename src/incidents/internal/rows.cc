#include "incidents/internal/rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <span>
#include <tuple>

#include "base/mix.h"
#include "incidents/bundle.h"

namespace holdfast::incidents {
namespace {

using guard::ClusterScore;
using guard::Duration;
using guard::Time;
using verdict::JournalRecord;

constexpr std::int64_t kNameMax = std::int64_t{1} << 32;  // Re-keyed names are small numbers.
constexpr std::int64_t kSpan_s = 25 * 3600;
constexpr std::int64_t kSpan_ds = kSpan_s * 10;
constexpr std::int64_t kInterval_ms = 3'600'000;
constexpr std::int64_t kTokensMax = 1 << 22;
constexpr std::int64_t kWeightMax = 1 << 20;
constexpr auto kSaw_m = static_cast<std::int64_t>(1000 * guard::kEvidenceMax);  // Thousandths.
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
  kIsRegular,
  kIsOpen,
  kRecordColumns
};

constexpr std::array<Column, kRecordColumns> kRecord = {{
    {"arrival_s", 0, kSpan_s},
    {"client", 0, kNameMax},
    {"group", 0, kNameMax},
    {"request", 0, kNameMax},
    {"held_ds", 0, kSpan_ds},
    {"first_token_ds", 0, kSpan_ds},
    {"token_interval_ms", 0, kInterval_ms},
    {"patience_ds", 0, kSpan_ds},
    {"retry_after_ds", 0, kSpan_ds},
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
    {"is_regular", 0, 1},
    {"is_open", 0, 1},
}};

using RecordRow = std::array<std::int64_t, kRecordColumns>;

enum ScoreColumn { kScoreClient, kScoreGroup, kRequests, kCost, kScoreWeight, kScoreColumns };

constexpr std::array<Column, kScoreColumns> kScore = {{
    {"client", 0, kNameMax},
    {"group", 0, kNameMax},
    {"requests", 0, std::int64_t{1} << 32},
    {"cost", 0, static_cast<std::int64_t>(kCostMax)},
    {"weight", 1, kWeightMax},
}};

// Detectors that saw something follow, as pairs.
constexpr std::array<Column, 2> kSaw = {{
    {"detector", 0, guard::kDetectorCount - 1},
    {"saw_milli", -kSaw_m, kSaw_m},
}};

std::int64_t Clamped(double value, const Column& column) {
  const double bounded =
      std::clamp(value, static_cast<double>(column.min), static_cast<double>(column.max));
  return std::llround(bounded);
}

std::int64_t Clamped(std::uint64_t value, const Column& column) {
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(column.max)));
}

using Seconds = std::chrono::seconds;
using Tenths = std::chrono::duration<std::int64_t, std::deci>;
using Millis = std::chrono::milliseconds;

// To the nearest one; what is not zero stays so.
template <typename Unit>
std::int64_t Whole(Duration duration, const Column& column) {
  if (duration.count() <= 0) return 0;
  const std::int64_t count = std::max<std::int64_t>(std::chrono::round<Unit>(duration).count(), 1);
  return std::min(count, column.max);
}

template <typename Unit>
Duration From(std::int64_t count) {
  return std::chrono::duration_cast<Duration>(Unit(count));
}

RecordRow RowOf(const JournalRecord& record) {
  const auto arrival = std::chrono::floor<Seconds>(record.arrival.time_since_epoch()).count();
  return {std::clamp<std::int64_t>(arrival, 0, kSpan_s),
          Clamped(record.client, kRecord[kClient]),
          Clamped(record.group, kRecord[kGroup]),
          Clamped(record.request, kRecord[kRequest]),
          Whole<Tenths>(record.held, kRecord[kHeld]),
          Whole<Tenths>(record.first_token, kRecord[kFirstToken]),
          Whole<Millis>(record.token_interval, kRecord[kTokenInterval]),
          Whole<Tenths>(record.patience, kRecord[kPatience]),
          Whole<Tenths>(record.retry_after, kRecord[kRetryAfter]),
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
          record.is_regular,
          record.is_open};
}

JournalRecord RecordOf(const RecordRow& row) {
  return {.arrival = Time(From<Seconds>(row[kArrival])),
          .client = static_cast<std::uint64_t>(row[kClient]),
          .group = static_cast<std::uint64_t>(row[kGroup]),
          .request = static_cast<std::uint64_t>(row[kRequest]),
          .held = From<Tenths>(row[kHeld]),
          .first_token = From<Tenths>(row[kFirstToken]),
          .token_interval = From<Millis>(row[kTokenInterval]),
          .patience = From<Tenths>(row[kPatience]),
          .retry_after = From<Tenths>(row[kRetryAfter]),
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
          .is_regular = row[kIsRegular] != 0,
          .is_open = row[kIsOpen] != 0};
}

std::vector<std::int64_t> RowOf(const ClusterScore& score) {
  std::vector<std::int64_t> row = {Clamped(score.client, kScore[kScoreClient]),
                                   Clamped(score.group, kScore[kScoreGroup]), score.requests,
                                   Clamped(score.cost, kScore[kCost]),
                                   Clamped(score.weight, kScore[kScoreWeight])};
  for (std::size_t d = 0; d < score.evidence.size(); ++d) {
    const std::int64_t milli = Clamped(1000 * static_cast<double>(score.evidence[d]), kSaw[1]);
    if (milli == 0) continue;
    row.push_back(static_cast<std::int64_t>(d));
    row.push_back(milli);
  }
  return row;
}

ClusterScore ScoreOf(std::span<const std::int64_t> row, const guard::Calibration& calibration) {
  ClusterScore score{
      .client = static_cast<std::uint64_t>(row[kScoreClient]),
      .group = static_cast<std::uint64_t>(row[kScoreGroup]),
      .requests = static_cast<std::uint32_t>(std::min<std::int64_t>(row[kRequests], 0xFFFFFFFF)),
      .cost = static_cast<double>(row[kCost]),
      .weight = static_cast<double>(row[kScoreWeight])};
  for (std::size_t at = kScoreColumns; at + 1 < row.size(); at += 2) {
    const auto detector = static_cast<std::size_t>(row[at]);
    score.evidence[detector] = static_cast<float>(static_cast<double>(row[at + 1]) / 1000);
    score.llr[detector] =
        static_cast<float>(calibration.coefficient[detector] * score.evidence[detector]);
  }
  score.log_odds = guard::LogOdds(score.evidence, calibration);
  return score;
}

// Detectors strictly ascending, each with something that it saw.
bool IsInOrder(std::span<const std::int64_t> row) {
  for (std::size_t at = kScoreColumns; at + 1 < row.size(); at += 2) {
    if (row[at + 1] == 0) return false;
    if (at > kScoreColumns && row[at] <= row[at - 2]) return false;
  }
  return true;
}

// By second; in one second first attempts before their retries, and else in an order of the
// re-keyed names, which tells nothing of who came first.
bool ComesFirst(const RecordRow& one, const RecordRow& other) {
  const auto key = [](const RecordRow& row) {
    const auto mixed =
        Mix64(static_cast<std::uint64_t>(row[kClient]), static_cast<std::uint64_t>(row[kRequest]));
    return std::tuple(row[kArrival], row[kAttempt], mixed);
  };
  const auto first = key(one);
  const auto second = key(other);
  return first != second ? first < second : one < other;
}

std::vector<JournalRecord> RecordsOf(const std::vector<RecordRow>& rows) {
  std::vector<JournalRecord> records;
  records.reserve(rows.size());
  for (std::size_t from = 0; from < rows.size();) {
    std::size_t to = from;
    while (to < rows.size() && rows[to][kArrival] == rows[from][kArrival]) ++to;
    const auto count = static_cast<std::int64_t>(to - from);
    for (std::int64_t i = 0; i < count; ++i) {
      JournalRecord& record =
          records.emplace_back(RecordOf(rows[from + static_cast<std::size_t>(i)]));
      record.arrival += std::chrono::microseconds((2 * i + 1) * 500'000 / count);
    }
    from = to;
  }
  return records;
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

void MakeCoarse(std::vector<JournalRecord>& records) {
  std::vector<RecordRow> rows;
  rows.reserve(records.size());
  for (const JournalRecord& record : records) rows.push_back(RowOf(record));
  std::ranges::sort(rows, ComesFirst);
  records = RecordsOf(rows);
}

void MakeCoarse(std::vector<ClusterScore>& scores, const guard::Calibration& calibration) {
  for (ClusterScore& score : scores) score = ScoreOf(RowOf(score), calibration);
}

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
  std::vector<RecordRow> read;
  read.reserve(rows->size());
  for (const json::Value& value : *rows) {
    const std::size_t index = read.size();
    if (!value.is_array() || value.get_array().size() != kRecord.size()) {
      return BadRow("records", index, "not as many columns as a record has");
    }
    RecordRow row{};
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto cell = ReadCell(value.get_array()[c], kRecord[c]);
      if (!cell) return BadRow("records", index, cell.error().message);
      row[c] = *cell;
    }
    if (row[kClients] > row[kWeight]) return BadRow("records", index, "more clients than weight");
    if (!read.empty() && ComesFirst(row, read.back())) {
      return BadRow("records", index, "not in the order of a bundle");
    }
    read.push_back(row);
  }
  records = RecordsOf(read);
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
    if (!IsInOrder(row)) return BadRow("scores", index, "detectors not in order");
    if (!scores.empty() && static_cast<std::uint64_t>(row[kScoreClient]) <= scores.back().client) {
      return BadRow("scores", index, "not in order of client");
    }
    scores.push_back(ScoreOf(row, guard::kCalibration));
  }
  return {};
}

}  // namespace holdfast::incidents
