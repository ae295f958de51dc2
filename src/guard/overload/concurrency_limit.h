// ConcurrencyLimit: how much may be in the engine at once, learned from how it answers. Two limits,
// for two kinds of queue that an engine with continuous batching builds:
//
//   window  on prompts before their first token, counted in ordinary ones (their median): one of
//           twenty times the length takes twenty places, since the engine works on prompts one
//           after the other. Its signal is the delay inside the engine,
//             q = (dispatch to first token) - PromptTime,  aimed at  q* = share of first_token_max
//           Below q*/2 and in full use the window grows (by one a sample until the first cut and
//           long after the last, by 1/window between); above q* it is cut in proportion, to
//           window * max(1/2, 0.9 q*/q), once for all requests sent before the cut (as Breakwater,
//           OSDI 2020, cuts credits by delay; the hold between is Vegas'). Requests beyond the
//           engine's slots or cache show up here, since they have no first token.
//   limit   on all requests in flight. Its signal is the interval between tokens, from reports or,
//           slower, from finished answers. It grows by up to half a second, less near the promised
//           interval, is held above kIntervalHold of it, and cut above kIntervalCut. It is also cut
//           when a window of one still waits longer than q* (an engine with few slots).
//
// A limit cut for the interval which does not help (the engine is slow whatever the batch) is taken
// back, and the interval ignored for a while: late tokens are better than none. Reports, where
// there are any, add facts: slots, workers (both limits move in proportion), free cache. Growth
// needs evidence: the limit must have been in use. Whoever starts requests by a clock (Pacer) lets
// what is in flight float around both, by about a standard deviation, but never above `max`.
//
// A request for several answers (choices) is one prompt and as many sequences. It starts when all
// of them have a place; where they are more than the limit, when nothing else is in flight.
// Single-threaded; a few dozen nanoseconds an event.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "guard/facts.h"
#include "guard/overload/engine_report.h"
#include "guard/overload/prompt_time.h"

namespace holdfast::guard {

class ConcurrencyLimit {
 public:
  struct Options {
    ServiceLevel level{};
    std::uint32_t min = 1;
    std::uint32_t initial = 32;
    std::uint32_t max = 4096;
    bool is_adaptive = true;  // Else `initial` is the limit, and there is no window.
  };

  // What is kept of a dispatch until its first token and end.
  struct Mark {
    Time start{};
    double prompts = 1;  // Its prompt, in ordinary ones.
    std::uint32_t choices = 1;
    std::uint32_t window_round = 0;  // Of the cuts before it.
    std::uint32_t limit_round = 0;
    bool is_alone = false;  // No other prompt was before its first token.
    bool has_filled_window = false;
    bool has_filled_limit = false;
  };

  explicit ConcurrencyLimit(const Options& options);

  bool CanStart(std::uint32_t choices = 1) const {
    return Fit(choices, limit_floor_) && prompts_ <= window_floor_ - 1 && is_up_;
  }
  // As CanStart(), but for a few more than the limits say: whoever starts requests by a clock lets
  // what is in flight float around them.
  bool CanFloat(std::uint32_t choices = 1) const {
    return Fit(choices, limit_ceiling_) && prompts_ <= window_ceiling_ - 1 && is_up_;
  }
  // Whether room is left above it for some that must not wait and have this share of what is in
  // flight: one standard deviation of theirs, at most a quarter of all. So little that the limits
  // count as in use, and go on being learned.
  bool LeavesReserve(double share, std::uint32_t choices = 1) const {
    const std::uint32_t places = Reserve(share, limit_floor_);
    const std::uint32_t prompts = Reserve(share, window_floor_);
    return (places == 0 || Fit(choices + places, limit_floor_)) &&
           (prompts == 0 || prompts_ + prompts <= window_floor_ - 1);
  }
  // So far below the limits that the engine may idle soon, and these may start.
  bool IsShort(std::uint32_t choices = 1) const;
  // As far as is known, the most that could ever be in flight.
  std::uint32_t in_flight_max() const {
    return sequences_max_ > 0 ? std::min(sequences_max_, options_.max) : options_.max;
  }
  // How far below the limits, in [-1, 1]; negative: above.
  double room() const;
  Mark OnStart(std::uint32_t prompt_tokens, Time now, std::uint32_t choices = 1);
  void OnFirstToken(const Mark& mark, std::uint32_t prompt_tokens, Time now);
  // `token_interval`: mean over the answer; 0 if it had fewer than two tokens.
  void OnFinish(const Mark& mark, bool had_first_token, Duration token_interval, Time now);
  void OnEngineReport(const EngineReport& report, Time now);

  // The limits, as far as they still hold under these options, and how long prompts take.
  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);

  // Seconds from dispatch to first token, with the recent delay, and how much more it may be: about
  // one in a hundred takes longer than both together.
  double ExpectedFirstToken(std::uint32_t prompt_tokens) const;
  double first_token_margin() const { return 4 * delay_deviation_; }

  bool is_up() const { return is_up_; }
  std::uint32_t in_flight() const { return in_flight_; }
  std::uint32_t before_first_token() const { return before_first_token_; }
  double limit() const { return limit_; }
  double window() const { return window_; }
  Time window_cut() const { return window_cut_; }  // The last one.
  double engine_delay() const { return delay_mean_; }  // Seconds.
  double token_interval() const { return interval_; }  // Seconds.

 private:
  bool Fit(std::uint32_t choices, std::uint32_t limit) const {
    return in_flight_ + std::min(choices, limit) <= limit;
  }
  static std::uint32_t Reserve(double share, std::uint32_t limit);
  void LearnOrdinary(std::uint32_t prompt_tokens);
  double PromptsIn(std::uint32_t prompt_tokens) const;
  void LeaveWindow(const Mark& mark);
  void SetLimit(double limit);
  void SetWindow(double window);
  void LearnDelay(const Mark& mark, double delay, double target, Time now);
  void CutWindow(double delay, double target, Time now);
  void GrowWindow(Time now);
  void GrowLimit(Time now);
  void CutLimit(double factor, Time now);
  void ObserveInterval(Time now);
  bool HasReports(Time now) const;
  double DecodingOver(double span_s, double decoding, Time now);
  void OnWorkers(std::uint32_t workers_up);

  const Options options_;
  PromptTime prompt_time_;
  std::uint32_t in_flight_ = 0;           // Sequences,
  std::uint32_t before_first_token_ = 0;  // and those of them.
  double prompts_ = 0;                    // Of those before their first token, in ordinary prompts.
  double ordinary_tokens_ = 0;            // Of prompts, the median.
  std::uint32_t prompts_seen_ = 0;

  double window_;
  std::uint32_t window_floor_ = 1;
  std::uint32_t window_ceiling_ = 1;
  std::uint32_t window_round_ = 0;
  Time window_cut_;
  double window_pressure_ = 0;  // Evidence that a window of one is still too much.
  double delay_mean_ = 0;       // Seconds.
  double delay_deviation_ = 0;

  double limit_;
  std::uint32_t limit_floor_ = 1;
  std::uint32_t limit_ceiling_ = 1;
  double limit_spread_ = 1;  // Of what is in flight, around it.
  std::uint32_t limit_round_ = 0;
  Time limit_cut_;
  Time limit_grown_{};
  Time limit_probe_{};       // No growth before.
  double generation_limit_;  // Without reports: growth ends here until its answers are seen.
  Time generation_start_{};

  double decoding_mean_ = 0;  // Of reports, as tokens a second.
  double tokens_mean_ = 0;
  double interval_ = 0;                 // Seconds; 0: none seen.
  std::uint32_t interval_samples_ = 0;  // Since the last cut.
  double futile_limit_ = 0;             // Limit before a run of cuts for the interval; 0: none.
  double futile_interval_ = 0;          // The longest at one of them.
  Time interval_ignored_until_{};
  Duration interval_ignored_for_;  // The next time.

  // What decoded at the last reports, for rates that are means over a longer span.
  struct Decoding {
    Time time{};
    double count = 0;
  };
  static constexpr std::size_t kDecodingKept = 32;
  std::array<Decoding, kDecodingKept> decodings_{};
  std::size_t decodings_at_ = 0;

  Time report_time_;
  std::uint32_t sequences_max_ = 0;
  std::uint32_t workers_ = 0;  // Last number above 0 that was up; 0: no report yet.
  bool is_cache_full_ = false;
  bool is_up_ = true;
};

}  // namespace holdfast::guard
