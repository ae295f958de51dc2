// The JSON that chat and text completions have in common: usage, log probabilities, ids.
// Free functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/engine/engine_service.h"
#include "api/engine/generation.h"
#include "api/ids.h"
#include "engine/engine.h"
#include "json/json.h"

namespace holdfast::api {

json::Object UsageJson(const engine::Usage& usage);
// The part of it that goes with every event, which is why it is short.
json::Object RunningUsageJson(const engine::Usage& usage);

// The token as text; what is part of a character only shows as U+FFFD.
std::string TokenText(const tokenizer::Tokenizer& tokenizer, engine::TokenId id);

// An element of `choices[].logprobs.content` of a chat completion.
json::Object ChatTokenJson(const tokenizer::Tokenizer& tokenizer, const ShownToken& token);

// An element of each of the parallel arrays that are `choices[].logprobs` of a text completion.
// `top` has the n likeliest tokens and always the one that was taken, by their texts. Of two with
// one text (parts of characters, or a special token and its spelling) the likelier has it, and the
// other is "token_id:17", as vLLM writes a token that has no text of its own.
struct TextTokenJson {
  std::string text;
  float logprob;
  json::Object top;
  std::size_t text_offset;
};
TextTokenJson MakeTextTokenJson(const tokenizer::Tokenizer& tokenizer, const ShownToken& token);

// What every answer and chunk begins with: id, object, created, model, system_fingerprint.
struct AnswerHead {
  std::string id;
  std::string_view object;
  std::int64_t created_s;
  const EngineService& service;

  json::Object Json() const;
};

// A whole answer with its `choices`, each a JSON text; large ones are never held twice over as
// values and as text.
std::string WholeAnswer(const AnswerHead& head, std::vector<std::string> choices,
                        const engine::Usage& usage);

}  // namespace holdfast::api
