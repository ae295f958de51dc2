// CheckTrace: what every trace that was read keeps to, whatever it was read from.
#pragma once

#include <vector>

#include "base/check.h"
#include "drill/traces.h"

namespace holdfast::fuzz {

inline void CheckTrace(const std::vector<drill::TracedRequest>& trace,
                       const drill::Lengths& lengths) {
  CHECK(!trace.empty() && trace.size() <= drill::kTraceRequestsMax);
  CHECK(trace.front().at == drill::Duration(0));
  for (std::size_t i = 0; i < trace.size(); ++i) {
    CHECK(i == 0 || trace[i].at >= trace[i - 1].at);
    CHECK(trace[i].prompt_tokens >= 1 && trace[i].prompt_tokens <= lengths.prompt_max);
    CHECK(trace[i].output_tokens >= 1 && trace[i].output_tokens <= lengths.output_max);
  }
}

}  // namespace holdfast::fuzz
