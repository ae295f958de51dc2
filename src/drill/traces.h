// Traces of real traffic, read into what a scenario replays. A trace is
//   a CSV of `time,input_tokens,output_tokens`: a request a line;
//   a CSV of `time,count`: so many requests from then until the next line;
//   a CSV of lengths alone: a request a second;
//   a folder of ServeGen, or one of its chunk-N-trace.csv (drill/serve_gen.h).
// Columns are found by name, in any order and in the spellings of other projects (Azure's
// TIMESTAMP,ContextTokens,GeneratedTokens and some more); without a header they are the ones above.
// Times are seconds, milliseconds where the name ends in "ms", or dates (drill/csv.h). Lines need
// not be in order. Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "drill/scenario.h"

namespace holdfast::drill {

using Trace = std::shared_ptr<const std::vector<TracedRequest>>;

// Of a longer trace every second, fourth, ... request is kept: its shape, not its rate.
inline constexpr std::size_t kTraceRequestsMax = 2'000'000;

// Requests in order of time, the first at 0, at least one. Lengths above `lengths`' maxima are cut,
// as the simulated service would. Counts get lengths drawn by `lengths` from `seed`, at times
// spread evenly at random. Errors: kIo, kCorrupt (with the line), kTooLarge (a line).
[[nodiscard]] Result<Trace> ReadTrace(const std::string& path, const Lengths& lengths = {},
                                      std::uint64_t seed = 1);
[[nodiscard]] Result<Trace> ParseTrace(std::istream& csv, const Lengths& lengths,
                                       std::uint64_t seed);

}  // namespace holdfast::drill
