// EngineService: what the engine's endpoints work with. Made once by the engine process, then
// immutable but for the engine itself, which is thread-safe; must outlive every request.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "api/engine/token_sizes.h"
#include "engine/engine.h"
#include "http/message.h"
#include "net/blocking_pool.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::api {

struct EngineService {
  engine::Engine& engine;
  const tokenizer::Tokenizer& tokenizer;
  net::BlockingPool& blocking;  // Reads requests' bodies and makes prompts of them.
  TokenSizes token_sizes;
  tokenizer::ChatFamily family = tokenizer::ChatFamily::kPlain;
  std::string model_id = {};
  std::string fingerprint = {};  // "fp_..." of the weights.
  std::int64_t created_s = 0;    // Unix time the model was loaded.
  std::int64_t vocab_size = 0;   // Of the model's logits.
  std::int64_t context_max = 0;  // Tokens of prompt and answer together.
  std::int64_t answer_tokens_max = 4096;
  std::chrono::milliseconds answer_time_max{600'000};
  std::chrono::milliseconds keep_alive_every{10'000};
};

// Headers from which a gateway learns the engine's load: x-holdfast-running and so on.
std::vector<http::Header> LoadHeaders(const engine::Engine& engine);

}  // namespace holdfast::api
