// What goes into the pool and comes out of it: limits, a call, models, load, the state of engines.
// Value types.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "upstream/breaker.h"

namespace holdfast::upstream {

struct PoolLimits {
  std::chrono::milliseconds connect_time_max{2'000};
  // To the head of an answer. Of one that is no stream that is its whole making.
  std::chrono::milliseconds head_time_max{600'000};
  // Of a stream. An engine sends at least keep-alive comments.
  std::chrono::milliseconds silence_max{60'000};
  std::chrono::milliseconds answer_time_max{1'200'000};
  std::size_t answer_bytes_max = 64 << 20;  // Of an answer that is no stream.
  std::size_t event_bytes_max = 4 << 20;
  std::size_t engines_tried_max = 3;  // By one call.
  // Calls that broke this many engines are not tried on one more: they may be why.
  std::size_t engines_broken_max = 2;

  // An engine that takes connections and does not answer is down after at most
  // health_every + 2 x health_time_max; one that has no /health, at its next list of models.
  std::chrono::milliseconds health_every{500};
  std::chrono::milliseconds health_time_max{1'000};
  int health_failures_max = 2;  // In a row; a refused connection is enough by itself.
  std::chrono::milliseconds models_every{10'000};
  std::chrono::milliseconds metrics_every{1'000};  // The Prometheus page of foreign engines.

  std::size_t idle_connections_max = 16;  // Per engine and I/O thread.
  std::chrono::milliseconds idle_time_max{30'000};
  BreakerLimits breaker;
};

// One request for an engine.
struct Call {
  std::string path = "/v1/chat/completions";
  std::shared_ptr<const std::string> body;  // JSON; the same bytes for every attempt.
  std::string model;
  std::uint64_t prefix_key = 0;  // Hash of the conversation's beginning and the caller; 0: none.
  bool wants_stream = false;
  std::uint32_t choices = 1;  // Answers asked for.
  std::string request_id;
  std::string client;  // Opaque; one of our engines shares its prefix cache only within it.
};

struct ModelInfo {
  std::string id;
  std::string owned_by = {};
  std::int64_t created_s = 0;
  std::int64_t context_max = 0;  // 0: not known.
};

// All engines together. A field that is not known stays as it is here.
struct PoolReport {
  std::uint32_t running = 0;        // Sequences that engines work on.
  std::uint32_t waiting = 0;        // Requests queued inside engines.
  std::uint32_t sequences_max = 0;  // Of the engines that are up; 0: not known of one of them.
  double free_cache_share = 1.0;    // Of the engines that are up, by weight.
  std::uint32_t engines_up = 0;
  std::uint32_t engines_total = 0;
  double tokens_per_s = 0;  // Output; 0: not known.
};

enum class EngineState : std::uint8_t { kUnknown, kUp, kDraining, kDown };
std::string_view EngineStateWord(EngineState state);  // "up"

// One row of `holdfast engine status`.
struct EngineStatus {
  std::string name;
  std::string url;
  EngineState state = EngineState::kUnknown;  // kUnknown: not asked yet.
  std::string why;  // Of kDown and kDraining, one word: "unreachable", "loading".
  std::vector<std::string> models;
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint32_t in_flight = 0;  // Of this gateway.
  double tokens_per_s = 0;
  std::string_view breaker;     // "closed", "open", "half_open"
  std::string_view last_error;  // FailureWord of the last failure; empty: none yet.
  std::uint64_t answers = 0;    // Complete ones.
  std::uint64_t failures = 0;   // Of the engine.
};

}  // namespace holdfast::upstream
