// GenerationSettings: the fields that chat and text completions share, checked. Value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/api_error.h"
#include "api/fields.h"
#include "api/limits.h"
#include "engine/engine.h"

namespace holdfast::api {

// Limits of a request's fields. The ranges are those of OpenAI's and DeepSeek's APIs where they
// state one.
inline constexpr std::size_t kStopStringsMax = 16;
inline constexpr std::size_t kStopBytesMax = 256;
inline constexpr std::size_t kLogitBiasesMax = 1024;
inline constexpr std::int64_t kTopLogprobsMax = 20;

struct GenerationSettings {
  std::string model;  // Empty: the one that is served.
  engine::SamplingParams sampling;
  std::optional<std::int64_t> max_tokens;
  std::vector<std::string> stop;
  std::int64_t n = 1;
  bool is_stream = false;
  bool includes_usage = false;     // With one more event at the end.
  bool has_running_usage = false;  // With every event.
  std::string user;
};

// Reads the shared fields. `vocab_size` bounds the ids of logit_bias.
ApiResult<GenerationSettings> ParseGenerationSettings(const json::Object& body,
                                                      std::int64_t vocab_size);

}  // namespace holdfast::api
