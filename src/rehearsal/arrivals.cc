#include "rehearsal/arrivals.h"

#include <algorithm>
#include <chrono>

#include "drill/trace_segment.h"

namespace holdfast::rehearsal {

Arrivals::Arrivals(const Group& group, double rate, std::uint64_t seed)
    : start_(static_cast<Micros>(group.start_s * 1e6)),
      end_(static_cast<Micros>(group.end_s * 1e6)),
      rise_(static_cast<Micros>(group.rise_s * 1e6)),
      rate_(rate),
      random_(seed) {}

Result<Arrivals> Arrivals::Of(const Group& group, double per_arrival, std::uint64_t seed) {
  Arrivals arrivals(group, group.rate / per_arrival, seed);
  if (group.trace.empty()) return arrivals;
  TRY_ASSIGN(const drill::Trace whole, drill::ReadTrace(group.trace, {}, seed));
  drill::SegmentOptions segment;
  segment.length = std::chrono::microseconds(arrivals.end_ - arrivals.start_);
  segment.requests_per_s = arrivals.rate_;
  segment.begin = arrivals.random_.Uniform();
  segment.peak_max = group.peak;
  arrivals.trace_ = drill::CutSegment(whole, segment);
  if (arrivals.trace_ == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "{}: no request of {} fits at that rate", group.name,
                group.trace);
  }
  return arrivals;
}

std::optional<Arrival> Arrivals::Next() {
  if (trace_ != nullptr) {
    if (next_ == trace_->size()) return std::nullopt;
    const drill::TracedRequest& request = (*trace_)[next_++];
    return Arrival{start_ + request.at.count(),
                   Size{std::max(request.prompt_tokens, 1U), std::max(request.output_tokens, 1U)}};
  }
  while (true) {
    at_s_ += random_.Exponential(1 / rate_);
    const Micros at = static_cast<Micros>(at_s_ * 1e6);
    if (start_ + at >= end_) return std::nullopt;
    // While the rate rises, arrivals at the full rate are thinned.
    if (at < rise_ && !random_.Chance(static_cast<double>(at) / static_cast<double>(rise_))) {
      continue;
    }
    return Arrival{start_ + at, std::nullopt};
  }
}

}  // namespace holdfast::rehearsal
