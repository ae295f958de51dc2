// ServeGen's workloads as traces. A folder holds clients: chunk-N-trace.csv has a line per window
// (start, rate, coefficient of variation, law of the gaps, two parameters; no law: silent) and
// chunk-N-dataset.json histograms of lengths, by the start of the stretch in which they hold.
// Arrivals of each client are drawn from its laws. Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "drill/traces.h"

namespace holdfast::drill {

// Whether ReadServeGen() is the one to read this: a folder, or a file of such a name.
bool IsServeGen(const std::string& path);

inline constexpr double kServeGenRequestsMax = 200e6;  // Tens of seconds.

// All clients of a folder, or the one of a chunk-N-trace.csv. Errors: kIo, kNotFound (a folder
// without clients), kCorrupt, kTooLarge (more than `requests_max` requests by the rates).
[[nodiscard]] Result<Trace> ReadServeGen(const std::string& path, const Lengths& lengths,
                                         std::uint64_t seed,
                                         double requests_max = kServeGenRequestsMax);

}  // namespace holdfast::drill
