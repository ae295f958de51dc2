// TraceBuilder: collects the requests of a trace in any order. When there are more than
// kTraceRequestsMax it drops every second one it has and from then on takes half as many as before:
// memory is bounded and the shape stays. Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "drill/traces.h"

namespace holdfast::drill {

class TraceBuilder {
 public:
  explicit TraceBuilder(const Lengths& lengths, std::size_t requests_max = kTraceRequestsMax)
      : lengths_(lengths), requests_max_(requests_max) {}

  // Token counts are cut to [1, the maximum of `lengths`].
  void Add(double at_s, double prompt_tokens, double output_tokens) {
    if (seen_++ % stride_ != 0) return;
    const auto cut = [](double tokens, std::uint32_t max) {
      return static_cast<std::uint32_t>(std::clamp(tokens, 1.0, static_cast<double>(max)));
    };
    requests_.push_back({guard::FromSeconds(at_s), cut(prompt_tokens, lengths_.prompt_max),
                         cut(output_tokens, lengths_.output_max)});
    if (requests_.size() > requests_max_) Halve();
  }

  // By time, the first at 0. Errors: kCorrupt: there are none.
  Result<Trace> Finish() {
    if (requests_.empty()) return Fail(ErrorCode::kCorrupt, "trace: no requests");
    std::ranges::stable_sort(requests_, {}, &TracedRequest::at);
    const Duration first = requests_.front().at;
    for (TracedRequest& request : requests_) request.at -= first;
    return std::make_shared<const std::vector<TracedRequest>>(std::move(requests_));
  }

 private:
  void Halve() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); i += 2) requests_[kept++] = requests_[i];
    requests_.resize(kept);
    stride_ *= 2;
  }

  const Lengths lengths_;
  const std::size_t requests_max_;
  std::vector<TracedRequest> requests_;
  std::uint64_t seen_ = 0;
  std::uint64_t stride_ = 1;
};

}  // namespace holdfast::drill
