// Bodies that are offered all at once and never finished: what does a server keep of them?
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"

namespace holdfast::bench {

struct BodyFloodOptions {
  int port = 0;
  std::size_t connections = 256;
  std::size_t body_bytes = 4 << 20;
  std::chrono::milliseconds time_max{10'000};
  // When nothing has been taken for so long, no more will be.
  std::chrono::milliseconds still_time{2'000};
};

struct BodyFloodResult {
  std::size_t bytes_taken = 0;  // By the server and the kernel between.
  std::map<std::string, std::size_t> refusals;
};

// Sends all but the last byte of each body, as fast as it is taken, and holds what is open until
// no more is. Single-threaded. Errors: as of Wire::Connect.
[[nodiscard]] Result<BodyFloodResult> OfferBodies(const BodyFloodOptions& options);

}  // namespace holdfast::bench
