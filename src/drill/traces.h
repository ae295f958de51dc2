// Traces of real traffic, read into what a scenario replays. Formats, told by the first line:
//   time,input_tokens,output_tokens      seconds
//   time,count                           seconds; requests from then until the next line
//   TIMESTAMP,ContextTokens,GeneratedTokens   Azure's, "2023-11-16 18:15:46.6805900"
//   num_prefill_tokens,num_decode_tokens,...  lengths alone, a second apart
// Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "drill/scenario.h"

namespace holdfast::drill {

using Trace = std::shared_ptr<const std::vector<TracedRequest>>;

inline constexpr std::size_t kTraceRequestsMax = 4'000'000;

// Requests in order of time, the first at 0. Lines of `count` get lengths drawn by `lengths` from
// `seed`, at times spread evenly at random. Errors: kIo, kCorrupt (with the line), kTooLarge.
[[nodiscard]] Result<Trace> ReadTrace(const std::string& path, const Lengths& lengths = {},
                                      std::uint64_t seed = 1);
[[nodiscard]] Result<Trace> ParseTrace(std::string_view text, const Lengths& lengths,
                                       std::uint64_t seed);

// One client of a ServeGen folder: chunk-N-trace.csv (start, rate, coefficient of variation, law,
// parameters, a line per 10 minutes) and the lengths of chunk-N-dataset.json.
[[nodiscard]] Result<Programs> ReadServeGen(const std::string& folder, int chunk);

}  // namespace holdfast::drill
