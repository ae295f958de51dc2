#include "guard/evidence/likeness_trial.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/mix.h"
#include "guard/evidence/binomial_bound.h"

namespace holdfast::guard {
namespace {

void AddTo(LikenessTrialCount& sum, const LikenessTrialCount& more) {
  sum.asked += more.asked;
  sum.accused += more.accused;
  for (std::size_t i = 0; i < sum.accused_by.size(); ++i) sum.accused_by[i] += more.accused_by[i];
}

}  // namespace

std::string_view TrialStateWord(TrialState state) {
  switch (state) {
    case TrialState::kMeasuring:
      return "measuring";
    case TrialState::kTooMany:
      return "too_many";
    case TrialState::kMeasured:
      return "measured";
  }
  return "none";
}

std::int64_t LikenessTrial::Advance(std::int64_t now_ms) {
  now_ms_ = std::max(now_ms_, now_ms);
  const std::int64_t window_ms = static_cast<std::int64_t>(kWindow) * kSpanMs;
  std::erase_if(record_.spans,
                [&](const Span& span) { return span.first_ms <= now_ms_ - window_ms; });
  return now_ms_;
}

void LikenessTrial::Add(const LikenessTrialCount& more, std::int64_t now_ms) {
  const std::int64_t now = Advance(now_ms);
  if (more.asked == 0) return;
  std::vector<Span>& spans = record_.spans;
  if (spans.empty() || spans.back().first_ms / kSpanMs != now / kSpanMs) {
    spans.push_back({.first_ms = now, .last_ms = now, .count = {}});
  }
  spans.back().last_ms = now;
  AddTo(spans.back().count, more);
}

void LikenessTrial::MarkRehearsed(std::int64_t now_ms) { record_.rehearsed_ms = Advance(now_ms); }

bool LikenessTrial::Decide(std::int64_t now_ms) {
  const std::int64_t now = Advance(now_ms);
  if (record_.is_enforced && IsBroken()) {
    record_ = {};
    record_.fell_back_ms = now;
  }
  if (!record_.is_enforced) record_.is_enforced = report().state == TrialState::kMeasured;
  return record_.is_enforced;
}

LikenessTrialCount LikenessTrial::CountFrom(std::int64_t since_ms) const {
  LikenessTrialCount count;
  for (const Span& span : record_.spans) {
    if (span.last_ms >= since_ms) AddTo(count, span.count);
  }
  return count;
}

bool LikenessTrial::IsBroken() const {
  const LikenessTrialCount all = CountFrom(0);
  const LikenessTrialCount recent =
      CountFrom(now_ms_ - static_cast<std::int64_t>(kRecent) * kSpanMs);
  return UpperBound(all.accused, all.asked, rules_.confidence) > rules_.accused_max ||
         LowerBound(recent.accused, recent.asked, rules_.confidence) > rules_.accused_max;
}

LikenessTrial::Report LikenessTrial::report() const {
  Report report;
  report.count = CountFrom(0);
  report.upper_bound = UpperBound(report.count.accused, report.count.asked, rules_.confidence);
  report.rehearsed_ms = record_.rehearsed_ms;
  report.fell_back_ms = record_.fell_back_ms;
  if (!record_.spans.empty()) {
    report.since_ms = record_.spans.front().first_ms;
    report.time_ms = record_.spans.back().last_ms - record_.spans.front().first_ms;
  }
  const bool is_long = record_.rehearsed_ms || report.time_ms >= rules_.time_min_ms;
  if (record_.is_enforced) {
    report.state = TrialState::kMeasured;
  } else if (report.count.asked < rules_.asked_min || !is_long) {
    report.state = TrialState::kMeasuring;
  } else {
    report.state =
        report.upper_bound <= rules_.accused_max ? TrialState::kMeasured : TrialState::kTooMany;
  }
  return report;
}

void LikenessTrial::Restore(Record record) {
  record_ = std::move(record);
  if (!record_.spans.empty()) now_ms_ = std::max(now_ms_, record_.spans.back().last_ms);
}

std::uint64_t LikenessVersion(const Calibration& calibration, const ProposalPolicy& policy) {
  std::uint64_t version = 1;
  const auto mix = [&](double number) {
    version = Mix64(version, std::bit_cast<std::uint64_t>(number));
  };
  mix(calibration.prior);
  for (const double coefficient : calibration.coefficient) mix(coefficient);
  for (const double bound : calibration.family_max) mix(bound);
  mix(policy.challenge_log_odds);
  mix(policy.refuse_log_odds);
  return version;
}

}  // namespace holdfast::guard
