#include "server/likeness_keeper.h"

#include <array>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>

#include <fcntl.h>

#include "base/log.h"
#include "crypto/owned_file.h"
#include "guard/evidence/binomial_bound.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

using Record = guard::LikenessTrial::Record;
using Span = guard::LikenessTrial::Span;

constexpr std::string_view kFormat = "holdfast-likeness";
constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kFileBytesMax = 64 << 10;
constexpr std::size_t kSpanNumbers = 4 + guard::kLikenessCount;
constexpr double kDayMs = 86'400'000;

std::string VersionOfScorer() { return fmt::format("{:016x}", guard::LikenessVersion()); }

json::Value OrNull(const std::optional<std::int64_t>& number) {
  return number ? json::Value(*number) : json::Value(nullptr);
}

json::Array SpanNumbers(const Span& span) {
  json::Array numbers{span.first_ms, span.last_ms, span.count.asked, span.count.accused};
  for (const std::uint64_t accused : span.count.accused_by) numbers.push_back(accused);
  return numbers;
}

Result<Span> ReadSpan(const json::Value& value) {
  const auto fail = [] { return Fail(ErrorCode::kCorrupt, "a span of its counts is damaged"); };
  if (!value.is_array() || value.as_array().size() != kSpanNumbers) return fail();
  std::array<std::int64_t, kSpanNumbers> numbers{};
  for (std::size_t i = 0; i < kSpanNumbers; ++i) {
    const json::Value& number = value.as_array()[i];
    if (!number.is_int64() || number.as_int64() < 0) return fail();
    numbers[i] = number.as_int64();
  }
  Span span{.first_ms = numbers[0], .last_ms = numbers[1], .count = {}};
  span.count.asked = static_cast<std::uint64_t>(numbers[2]);
  span.count.accused = static_cast<std::uint64_t>(numbers[3]);
  bool is_sound = span.first_ms <= span.last_ms && span.count.accused <= span.count.asked;
  for (std::size_t i = 0; i < guard::kLikenessCount; ++i) {
    span.count.accused_by[i] = static_cast<std::uint64_t>(numbers[4 + i]);
    is_sound = is_sound && span.count.accused_by[i] <= span.count.accused;
  }
  if (!is_sound) return fail();
  return span;
}

Result<std::optional<std::int64_t>> TimeOrNull(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  TRY_ASSIGN(const std::int64_t time, json::RequireInt(object, key, 0, kCountMax));
  return time;
}

Result<Record> LoadLikeness(const std::filesystem::path& path) {
  TRY_ASSIGN(const crypto::Descriptor file, crypto::OpenOwned(path, O_RDONLY));
  std::string text(kFileBytesMax, '\0');
  TRY_ASSIGN(const std::size_t size,
             crypto::ReadAt(file.number(), path, std::as_writable_bytes(std::span(text)), 0));
  if (size == kFileBytesMax) return Fail(ErrorCode::kCorrupt, "{} is too large", path.string());
  text.resize(size);
  Result<Record> record = ReadLikeness(text);
  if (record) return record;
  return Fail(record.error().code, "{}: {}", path.string(), record.error().message);
}

// Whole or not at all, also when the machine stops.
Result<void> Replace(const std::filesystem::path& path, std::string_view text) {
  const std::string next = path.string() + ".next";
  std::error_code ignored;
  std::filesystem::remove(next, ignored);
  TRY(crypto::MakeOwned(next, text));
  if (std::rename(next.c_str(), path.c_str()) != 0) return Fail(ErrnoError("rename " + next));
  return crypto::SyncFolderOf(path);
}

std::string WhyOf(LikenessMode mode, const guard::LikenessTrial::Report& report,
                  const guard::TrialRules& rules) {
  if (mode == LikenessMode::kShadow) return "The configuration keeps it in shadow.";
  switch (report.state) {
    case guard::TrialState::kMeasured:
      return "Its false accusations were measured here and are rare enough.";
    case guard::TrialState::kTooMany:
      return "It cannot be said that it accuses few enough people in good standing.";
    case guard::TrialState::kMeasuring:
      break;
  }
  return fmt::format(
      "It is still measured: {} of {} requests of accounts in good standing, {:.1f} of {:.0f} "
      "days.",
      report.count.asked, rules.asked_min, static_cast<double>(report.time_ms) / kDayMs,
      static_cast<double>(rules.time_min_ms) / kDayMs);
}

}  // namespace

Result<LikenessMode> ReadLikenessMode(std::string_view word) {
  if (word == "measured") return LikenessMode::kMeasured;
  if (word == "shadow") return LikenessMode::kShadow;
  return Fail(ErrorCode::kInvalidArgument, "guard.likeness is measured or shadow");
}

std::string WriteLikeness(const Record& record) {
  json::Array spans;
  for (const Span& span : record.spans) spans.push_back(SpanNumbers(span));
  const json::Object object{{"format", kFormat},
                            {"version", kVersion},
                            {"scorer", VersionOfScorer()},
                            {"is_enforced", record.is_enforced},
                            {"rehearsed_at", OrNull(record.rehearsed_ms)},
                            {"fell_back_at", OrNull(record.fell_back_ms)},
                            {"spans", std::move(spans)}};
  return json::Write(object) + "\n";
}

Result<Record> ReadLikeness(std::string_view text) {
  TRY_ASSIGN(const json::Value value, json::Parse(text));
  if (!value.is_object()) return Fail(ErrorCode::kCorrupt, "it is no object");
  const json::Object& object = value.as_object();
  TRY_ASSIGN(const std::string format, json::RequireString(object, "format"));
  TRY_ASSIGN(const std::int64_t version, json::RequireInt(object, "version", 1, kCountMax));
  if (format != kFormat) return Fail(ErrorCode::kCorrupt, "it is of another format");
  if (version != kVersion) {
    return Fail(ErrorCode::kFailedPrecondition, "it is of version {}, not {}", version, kVersion);
  }
  TRY_ASSIGN(const std::string scorer, json::RequireString(object, "scorer"));
  if (scorer != VersionOfScorer()) {
    return Fail(ErrorCode::kFailedPrecondition, "other coefficients were measured");
  }
  Record record;
  TRY_ASSIGN(record.is_enforced, json::BoolOr(object, "is_enforced", false));
  TRY_ASSIGN(record.rehearsed_ms, TimeOrNull(object, "rehearsed_at"));
  TRY_ASSIGN(record.fell_back_ms, TimeOrNull(object, "fell_back_at"));
  TRY_ASSIGN(const json::Array* const spans,
             json::RequireArray(object, "spans", guard::LikenessTrial::kWindow + 1));
  for (const json::Value& one : *spans) {
    TRY_ASSIGN(const Span span, ReadSpan(one));
    const bool is_next = record.spans.empty() || record.spans.back().last_ms <= span.first_ms;
    if (!is_next) return Fail(ErrorCode::kCorrupt, "the spans of its counts are out of order");
    record.spans.push_back(span);
  }
  return record;
}

LikenessKeeper::LikenessKeeper(LiveDoor& door, WriteDown write_down, LikenessMode mode,
                               std::filesystem::path path, metrics::Registry& registry)
    : door_(door),
      write_down_(std::move(write_down)),
      mode_(mode),
      path_(std::move(path)),
      asked_gauge_(registry.GetGauge(
          "holdfast_likeness_trial_requests",
          "Requests in good standing outside of incidents that likeness was tried on.")),
      accused_gauge_(registry.GetGauge("holdfast_likeness_trial_accused",
                                       "Of these, how many likeness would have accused.")),
      bound_gauge_(registry.GetGauge("holdfast_likeness_trial_bound",
                                     "Upper 95 % bound of the share accused.")),
      enforced_gauge_(
          registry.GetGauge("holdfast_likeness_enforced", "1: likeness may cost a place.")) {
  Result<Record> record = LoadLikeness(path_);
  if (record) {
    trial_.Restore(std::move(*record));
  } else if (record.error().code != ErrorCode::kNotFound) {
    log::warn("likeness is measured anew: {}", record.error().message);
  }
  seen_ = door_.counters().trial;
  Look(WallClockMs());
}

void LikenessKeeper::Look(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  LookLocked(now_ms);
  if (is_changed_ && now_ms - saved_ms_ >= kSaveEveryMs) SaveLocked();
}

void LikenessKeeper::LookLocked(std::int64_t now_ms) {
  const guard::LikenessTrialCount counted = door_.counters().trial;
  guard::LikenessTrialCount more = counted;
  more.asked -= seen_.asked;
  more.accused -= seen_.accused;
  for (std::size_t i = 0; i < more.accused_by.size(); ++i) {
    more.accused_by[i] -= seen_.accused_by[i];
  }
  seen_ = counted;
  is_changed_ = is_changed_ || more.asked > 0;
  trial_.Add(more, now_ms);
  const bool was_measured = trial_.is_enforced();
  const bool is_measured = trial_.Decide(now_ms);
  is_changed_ = is_changed_ || is_measured != was_measured;
  const bool enforces = is_measured && mode_ == LikenessMode::kMeasured;
  if (enforces != is_enforced_) {
    log::warn("likeness to an attack is {}: {}", enforces ? "enforced" : "in shadow",
              WhyOf(mode_, trial_.report(), {}));
    is_enforced_ = enforces;
    door_.SetEnforcesLikeness(enforces);
  }
  Publish();
}

void LikenessKeeper::Publish() {
  const guard::LikenessTrial::Report report = trial_.report();
  asked_gauge_.Set(static_cast<double>(report.count.asked));
  accused_gauge_.Set(static_cast<double>(report.count.accused));
  bound_gauge_.Set(report.upper_bound);
  enforced_gauge_.Set(is_enforced_ ? 1 : 0);
}

void LikenessKeeper::Save() {
  const std::lock_guard lock(mutex_);
  LookLocked(WallClockMs());
  if (is_changed_) SaveLocked();
}

void LikenessKeeper::SaveLocked() {
  saved_ms_ = WallClockMs();
  const Result<void> saved = Replace(path_, WriteLikeness(trial_.record()));
  if (saved) is_changed_ = false;
  if (!saved) log::warn("how likeness was measured is not saved: {}", saved.error().message);
}

accounts::Outcome<void> LikenessKeeper::MarkRehearsed(std::string_view actor) {
  TRY(write_down_({audit::EventKind::kLikenessRehearsed, std::string(actor), {}, {}}));
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ms = WallClockMs();
  trial_.MarkRehearsed(now_ms);
  is_changed_ = true;
  LookLocked(now_ms);
  SaveLocked();
  return {};
}

json::Object LikenessKeeper::Report() {
  const std::lock_guard lock(mutex_);
  LookLocked(WallClockMs());
  const guard::TrialRules rules;
  const guard::LikenessTrial::Report report = trial_.report();
  json::Array by_rule;
  for (std::size_t i = 0; i < guard::kLikenessCounts.size(); ++i) {
    const std::uint64_t accused = report.count.accused_by[i];
    by_rule.push_back(json::Object{
        {"rule", guard::kLikenessCounts[i].rule},
        {"action", guard::RestrictionActionWord(guard::kLikenessCounts[i].action)},
        {"accused", accused},
        {"upper_bound", guard::UpperBound(accused, report.count.asked, rules.confidence)}});
  }
  return {{"mode", mode_ == LikenessMode::kMeasured ? "measured" : "shadow"},
          {"is_enforced", is_enforced_},
          {"state", guard::TrialStateWord(report.state)},
          {"why", WhyOf(mode_, report, rules)},
          {"asked", report.count.asked},
          {"accused", report.count.accused},
          {"upper_bound", report.upper_bound},
          {"asked_min", rules.asked_min},
          {"accused_max", rules.accused_max},
          {"confidence", rules.confidence},
          {"since", OrNull(report.since_ms)},
          {"days", static_cast<double>(report.time_ms) / kDayMs},
          {"days_min", static_cast<double>(rules.time_min_ms) / kDayMs},
          {"rehearsed_at", OrNull(report.rehearsed_ms)},
          {"fell_back_at", OrNull(report.fell_back_ms)},
          {"rules", std::move(by_rule)}};
}

}  // namespace holdfast::server
