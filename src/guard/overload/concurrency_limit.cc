#include "guard/overload/concurrency_limit.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {
namespace {

using namespace std::chrono_literals;

// Waiting inside the engine may take this share of the promised time to first token, and half of
// what the prompt itself takes: noise of that size is no queue. Little, since whoever is in that
// queue is before all who come, whatever is theirs by fairness or standing.
constexpr double kDelayShare = 0.02;
constexpr double kDelayPerPrompt = 0.5;
constexpr double kWindowInitial = 4;
constexpr std::uint32_t kOrdinaryMemory = 64;
constexpr double kPromptTokens = 32;  // What any prompt costs, in tokens.
constexpr double kShort = 0.3;        // Of the window.
constexpr Duration kWindowCalm = 5s;  // After a cut, growth is slow for as long.
constexpr double kPressureToCut = 4;  // Times q* in excess, in a row, at a window of one.
constexpr double kDelayGain = 1.0 / 16;

constexpr double kGrowthPerSecond = 0.5;
constexpr double kGrowthLeast = 0.1;  // A sample, so that small limits move too.
constexpr Duration kGrowthSpan = 250ms;
constexpr double kGenerationGrowth = 1.5;

// Shares of the promised interval between tokens.
constexpr double kIntervalGrow = 0.5;  // Full growth below.
constexpr double kIntervalHold = 0.8;
constexpr double kIntervalCut = 0.9;
constexpr double kReportGain = 0.3;
constexpr double kFinishGain = 1.0 / 8;
constexpr std::uint32_t kFinishesToCut = 5;
constexpr Duration kCutSpan = 1s;
constexpr Duration kProbeAfterCut = 2s;
constexpr Duration kIntervalIgnored = 30s;  // At first, then longer each time.
constexpr Duration kIntervalIgnoredMax = 15min;
constexpr std::uint32_t kReportsToCut = 4;
constexpr double kFutile = 0.75;  // Half the batch must shorten the interval at least to this.
constexpr Duration kReportFresh = 3s;
constexpr double kCacheFull = 0.03;

// One standard deviation of a Poisson count above a limit; none above a limit of one.
std::uint32_t Ceiling(double limit, double spread, std::uint32_t max) {
  return std::min(static_cast<std::uint32_t>(limit + spread - 1), max);
}

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const Options& options)
    : options_(options),
      window_(options.is_adaptive ? kWindowInitial : options.initial),
      window_cut_(Time{} - kWindowCalm),
      limit_(options.initial),
      limit_cut_(Time{} - kCutSpan),
      generation_limit_(2.0 * options.initial),
      interval_ignored_for_(kIntervalIgnored),
      report_time_(Time{} - kReportFresh) {
  CHECK(options.min >= 1 && options.min <= options.initial && options.initial <= options.max);
  SetLimit(limit_);
  SetWindow(window_);
}

std::uint32_t ConcurrencyLimit::Reserve(double share, std::uint32_t limit) {
  return std::min(static_cast<std::uint32_t>(std::sqrt(share * limit)), limit / 4);
}

bool ConcurrencyLimit::IsShort(std::uint32_t choices) const {
  return is_up_ && prompts_ < kShort * window_ && in_flight_ < limit_ - 2 * limit_spread_ &&
         Fit(choices, limit_ceiling_);
}

double ConcurrencyLimit::room() const {
  const double window = (window_ - prompts_) / window_;
  const double limit = (limit_ - in_flight_) / (2 * limit_spread_);
  return std::clamp(std::min(window, limit), -1.0, 1.0);
}

ConcurrencyLimit::Mark ConcurrencyLimit::OnStart(std::uint32_t prompt_tokens, Time now,
                                                 std::uint32_t choices) {
  LearnOrdinary(prompt_tokens);
  const Mark mark{.start = now,
                  .prompts = PromptsIn(prompt_tokens),
                  .choices = choices,
                  .window_round = window_round_,
                  .limit_round = limit_round_,
                  .is_alone = before_first_token_ == 0,
                  .has_filled_window = prompts_ + 1 >= window_floor_,
                  .has_filled_limit = in_flight_ + choices + limit_spread_ >= limit_floor_};
  in_flight_ += choices;
  before_first_token_ += choices;
  prompts_ += mark.prompts;
  return mark;
}

// A median that forgets: each sample moves it by a factor, which nears one.
void ConcurrencyLimit::LearnOrdinary(std::uint32_t prompt_tokens) {
  if (prompts_seen_ == 0) ordinary_tokens_ = prompt_tokens;
  prompts_seen_ = std::min(prompts_seen_ + 1, kOrdinaryMemory);
  const double factor = 1 + 1.0 / prompts_seen_;
  if (prompt_tokens > ordinary_tokens_) ordinary_tokens_ *= factor;
  if (prompt_tokens < ordinary_tokens_) ordinary_tokens_ /= factor;
}

double ConcurrencyLimit::PromptsIn(std::uint32_t prompt_tokens) const {
  if (!options_.is_adaptive) return 1;
  return (prompt_tokens + kPromptTokens) / (ordinary_tokens_ + kPromptTokens);
}

void ConcurrencyLimit::LeaveWindow(const Mark& mark) {
  CHECK(before_first_token_ >= mark.choices);
  before_first_token_ -= mark.choices;
  prompts_ = before_first_token_ == 0 ? 0 : prompts_ - mark.prompts;
}

void ConcurrencyLimit::OnFirstToken(const Mark& mark, std::uint32_t prompt_tokens, Time now) {
  LeaveWindow(mark);
  const double taken = ToSeconds(now - mark.start);
  const double alone = prompt_time_.is_known() ? prompt_time_.seconds(prompt_tokens) : taken;
  const double target =
      kDelayShare * ToSeconds(options_.level.first_token_max) + kDelayPerPrompt * alone;
  if (mark.is_alone) prompt_time_.Learn(prompt_tokens, taken);
  LearnDelay(mark, std::max(taken - alone, 0.0), target, now);
}

void ConcurrencyLimit::LearnDelay(const Mark& mark, double delay, double target, Time now) {
  delay_deviation_ += kDelayGain * (std::abs(delay - delay_mean_) - delay_deviation_);
  delay_mean_ += kDelayGain * (delay - delay_mean_);
  if (!options_.is_adaptive) return;
  if (delay > target) {
    if (mark.window_round == window_round_) CutWindow(delay, target, now);
    return;
  }
  window_pressure_ = 0;
  if (mark.has_filled_window && delay < target / 2) GrowWindow(now);
  if (mark.has_filled_limit) GrowLimit(now);
}

void ConcurrencyLimit::CutWindow(double delay, double target, Time now) {
  if (window_floor_ > 1) {
    const double in_use = std::min(window_, prompts_ + 1.0);
    SetWindow(in_use * std::max(0.5, 0.9 * target / delay));
    window_cut_ = now;
    ++window_round_;
    return;
  }
  window_pressure_ += std::min(delay / target - 1, kPressureToCut);
  if (window_pressure_ < kPressureToCut) return;
  window_pressure_ = 0;
  ++window_round_;
  CutLimit(0.8, now);
  // A probe costs one request about this delay; rarely, then, where it is long.
  limit_probe_ = now + FromSeconds(std::clamp(3 * delay, 1.0, 60.0));
}

void ConcurrencyLimit::GrowWindow(Time now) {
  SetWindow(window_ + (now - window_cut_ >= kWindowCalm ? 1 : 1 / window_));
}

void ConcurrencyLimit::GrowLimit(Time now) {
  if (now < limit_probe_ || is_cache_full_) return;
  const double promised = ToSeconds(options_.level.token_interval_max);
  const double room =
      now < interval_ignored_until_
          ? 1
          : std::clamp((kIntervalHold - interval_ / promised) / (kIntervalHold - kIntervalGrow),
                       0.0, 1.0);
  const double span = ToSeconds(std::min(now - limit_grown_, kGrowthSpan));
  limit_grown_ = now;
  const double grown = limit_ + room * std::max(limit_ * kGrowthPerSecond * span, kGrowthLeast);
  const double ceiling = HasReports(now) ? grown : std::max(generation_limit_, limit_);
  SetLimit(std::min(grown, ceiling));
}

void ConcurrencyLimit::OnFinish(const Mark& mark, bool had_first_token, Duration token_interval,
                                Time now) {
  CHECK(in_flight_ >= mark.choices);
  in_flight_ -= mark.choices;
  if (!had_first_token) LeaveWindow(mark);
  if (!options_.is_adaptive || token_interval.count() == 0 || HasReports(now)) return;
  if (mark.limit_round != limit_round_) return;
  const double seen = ToSeconds(token_interval);
  // Afresh after a cut: what was before it is no longer so.
  ++interval_samples_;
  interval_ += std::max(kFinishGain, 1.0 / interval_samples_) * (seen - interval_);
  const double promised = ToSeconds(options_.level.token_interval_max);
  if (mark.start >= generation_start_ && interval_ < kIntervalHold * promised) {
    generation_limit_ = kGenerationGrowth * limit_;
    generation_start_ = now;
  }
  if (interval_samples_ >= kFinishesToCut) ObserveInterval(now);
}

void ConcurrencyLimit::OnEngineReport(const EngineReport& report, Time now) {
  OnWorkers(report.workers_up);
  sequences_max_ = report.sequences_max;
  is_cache_full_ = report.free_cache_share < kCacheFull;
  if (!options_.is_adaptive) return;
  SetLimit(limit_);
  // What others send to the same engine is in its report, so is what still prefills.
  const std::uint32_t decoding =
      report.running > in_flight_ ? report.running : in_flight_ - before_first_token_;
  const double as_long = DecodingOver(report.tokens_span_s, decoding, now);
  if (report.tokens_per_s <= 0 || decoding == 0) return;
  report_time_ = now;
  generation_limit_ = kGenerationGrowth * limit_;
  // A ratio of means: a mean of ratios would lean up with the noise of short spans.
  const double gain = decoding_mean_ == 0 ? 1 : kReportGain;
  decoding_mean_ += gain * (as_long - decoding_mean_);
  tokens_mean_ += gain * (report.tokens_per_s - tokens_mean_);
  interval_ = decoding_mean_ / tokens_mean_;
  if (++interval_samples_ >= kReportsToCut) ObserveInterval(now);
}

void ConcurrencyLimit::OnWorkers(std::uint32_t workers_up) {
  is_up_ = workers_up > 0;
  if (!is_up_) return;
  if (options_.is_adaptive && workers_ > 0 && workers_up != workers_) {
    const double share = static_cast<double>(workers_up) / workers_;
    SetLimit(limit_ * share);
    SetWindow(window_ * share);
    // What was sent before says nothing about the engine as it is now.
    ++window_round_;
    ++limit_round_;
    window_pressure_ = 0;
    limit_probe_ = {};
  }
  workers_ = workers_up;
}

void ConcurrencyLimit::ObserveInterval(Time now) {
  const double promised = ToSeconds(options_.level.token_interval_max);
  if (interval_ < kIntervalCut * promised) {
    if (interval_ >= kIntervalHold * promised) return;
    futile_limit_ = 0;
    interval_ignored_for_ = kIntervalIgnored;
    return;
  }
  // While more runs than the last cut allows, its effect is still to come.
  const bool is_draining = in_flight_ > limit_floor_;
  if (now < interval_ignored_until_ || is_draining || now - limit_cut_ < kCutSpan) return;
  const double in_use = std::min<double>(limit_, std::max(in_flight_, 1u));
  if (futile_limit_ == 0) {
    futile_limit_ = in_use;
    futile_interval_ = 0;
  } else if (limit_ <= futile_limit_ / 2 && interval_ > kFutile * futile_interval_) {
    SetLimit(futile_limit_);
    futile_limit_ = 0;
    interval_ignored_until_ = now + interval_ignored_for_;
    interval_ignored_for_ = std::min(2 * interval_ignored_for_, kIntervalIgnoredMax);
    return;
  }
  futile_interval_ = std::max(futile_interval_, interval_);
  CutLimit(std::max(0.7, kIntervalHold * promised / interval_), now);
}

// What decoded, as a mean over the span that the rate of tokens is a mean of: else an engine that
// was idle a moment ago looks slow, since the many of now divide the few tokens of then.
double ConcurrencyLimit::DecodingOver(double span_s, double decoding, Time now) {
  decodings_[decodings_at_] = {now, decoding};
  decodings_at_ = (decodings_at_ + 1) % kDecodingKept;
  if (span_s <= 0) return decoding;
  const Time from = now - FromSeconds(span_s);
  double seconds = 0;  // Times what decoded; nothing did before the first report.
  for (std::size_t i = 1; i < kDecodingKept; ++i) {
    const Decoding& before = decodings_[(decodings_at_ + i - 1) % kDecodingKept];
    const Decoding& after = decodings_[(decodings_at_ + i) % kDecodingKept];
    if (before.time == Time{} || after.time <= from) continue;
    seconds += after.count * ToSeconds(after.time - std::max(before.time, from));
  }
  return seconds / span_s;
}

void ConcurrencyLimit::CutLimit(double factor, Time now) {
  SetLimit(std::min<double>(limit_, std::max(in_flight_, 1u)) * factor);
  limit_cut_ = now;
  limit_probe_ = now + kProbeAfterCut;
  interval_samples_ = 0;
  ++limit_round_;
}

double ConcurrencyLimit::ExpectedFirstToken(std::uint32_t prompt_tokens) const {
  // An ordinary prompt counts as twice the mean: where all are near the edge, the edge must not
  // choose the short ones.
  const auto ordinary = static_cast<std::uint32_t>(2 * prompt_time_.mean_tokens());
  return prompt_time_.seconds(std::max(prompt_tokens, ordinary)) + delay_mean_;
}

bool ConcurrencyLimit::HasReports(Time now) const { return now - report_time_ < kReportFresh; }

void ConcurrencyLimit::Save(StateWriter& writer) const {
  writer.Put(limit_);
  writer.Put(window_);
  writer.Put(ordinary_tokens_);
  writer.Put(std::uint64_t{prompts_seen_});
  prompt_time_.Save(writer);
}

void ConcurrencyLimit::Load(StateReader& reader) {
  const double limit = reader.TakeDouble(0, UINT32_MAX);
  const double window = reader.TakeDouble(0, UINT32_MAX);
  ordinary_tokens_ = reader.TakeDouble(0, UINT32_MAX);
  prompts_seen_ = static_cast<std::uint32_t>(reader.TakeCount(kOrdinaryMemory));
  prompt_time_.Load(reader);
  if (!options_.is_adaptive) return;
  SetLimit(std::min<double>(limit, options_.max));
  SetWindow(window);
  generation_limit_ = std::max(generation_limit_, kGenerationGrowth * limit_);
}

void ConcurrencyLimit::SetLimit(double limit) {
  if (options_.is_adaptive) limit = std::min<double>(limit, in_flight_max());
  limit_ = std::max<double>(limit, options_.min);
  limit_floor_ = static_cast<std::uint32_t>(limit_);
  limit_spread_ = std::sqrt(limit_);
  limit_ceiling_ = Ceiling(limit_, limit_spread_, options_.max);
}

void ConcurrencyLimit::SetWindow(double window) {
  window_ = std::clamp<double>(window, 1, options_.max);
  window_floor_ = static_cast<std::uint32_t>(window_);
  window_ceiling_ = Ceiling(window_, std::sqrt(window_), options_.max);
}

}  // namespace holdfast::guard
