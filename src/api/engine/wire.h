// The JSON that chat and text completions have in common: usage, log probabilities, ids.
// Free functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/engine/engine_service.h"
#include "engine/engine.h"
#include "json/json.h"

namespace holdfast::api {

json::Object UsageJson(const engine::Usage& usage);

// `choices[].logprobs` of a chat completion: {"content": [...]}.
json::Object ChatLogprobsJson(const tokenizer::Tokenizer& tokenizer,
                              const std::vector<engine::TokenEvent>& tokens);

// `choices[].logprobs` of a text completion: parallel arrays. `text_offset` is the offset of the
// first token in the answer; it moves on.
json::Object TextLogprobsJson(const tokenizer::Tokenizer& tokenizer,
                              const std::vector<engine::TokenEvent>& tokens,
                              std::size_t& text_offset);

// A new id for an answer: prefix and 128 random bits.
std::string NewId(std::string_view prefix);

// What every answer and chunk begins with: id, object, created, model, system_fingerprint.
struct AnswerHead {
  std::string id;
  std::string_view object;
  std::int64_t created_s;
  const EngineService& service;

  json::Object Json() const;
};

}  // namespace holdfast::api
