#include "api/engine/wire.h"

#include <random>
#include <span>

#include "tokenizer/utf8.h"

namespace holdfast::api {

json::Object UsageJson(const engine::Usage& usage) {
  json::Object json;
  json["prompt_tokens"] = usage.prompt_tokens;
  json["completion_tokens"] = usage.completion_tokens;
  json["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  json["prompt_cache_hit_tokens"] = usage.cached_tokens;
  json["prompt_cache_miss_tokens"] = usage.prompt_tokens - usage.cached_tokens;
  json["prompt_tokens_details"] = json::Object{{"cached_tokens", usage.cached_tokens}};
  json["completion_tokens_details"] = json::Object{{"reasoning_tokens", 0}};
  return json;
}

namespace {

// A token may be part of a character only, and JSON is text.
std::string TokenText(const tokenizer::Tokenizer& tokenizer, engine::TokenId id) {
  return tokenizer::ReplaceInvalidUtf8(tokenizer.Decode(std::span(&id, 1), /*with_special=*/true));
}

json::Object TokenJson(const tokenizer::Tokenizer& tokenizer, engine::TokenId id, float logprob) {
  json::Object json;
  json["token"] = TokenText(tokenizer, id);
  json["logprob"] = logprob;
  json::Array bytes;
  for (const char byte : tokenizer.TokenBytes(id)) {
    bytes.emplace_back(static_cast<std::int64_t>(static_cast<unsigned char>(byte)));
  }
  json["bytes"] = std::move(bytes);
  return json;
}

}  // namespace

json::Object ChatLogprobsJson(const tokenizer::Tokenizer& tokenizer,
                              const std::vector<engine::TokenEvent>& tokens) {
  json::Array content;
  for (const engine::TokenEvent& token : tokens) {
    json::Object entry = TokenJson(tokenizer, token.id, token.logprob);
    json::Array top;
    for (const auto& [id, logprob] : token.top_logprobs) {
      top.emplace_back(TokenJson(tokenizer, id, logprob));
    }
    entry["top_logprobs"] = std::move(top);
    content.emplace_back(std::move(entry));
  }
  json::Object json;
  json["content"] = std::move(content);
  json["refusal"] = nullptr;
  return json;
}

json::Object TextLogprobsJson(const tokenizer::Tokenizer& tokenizer,
                              const std::vector<engine::TokenEvent>& tokens,
                              std::size_t& text_offset) {
  json::Array texts, logprobs, tops, offsets;
  for (const engine::TokenEvent& token : tokens) {
    const std::string text = TokenText(tokenizer, token.id);
    texts.emplace_back(text);
    logprobs.emplace_back(token.logprob);
    json::Object top;
    for (const auto& [id, logprob] : token.top_logprobs) top[TokenText(tokenizer, id)] = logprob;
    tops.emplace_back(std::move(top));
    offsets.emplace_back(text_offset);
    text_offset += text.size();
  }
  json::Object json;
  json["tokens"] = std::move(texts);
  json["token_logprobs"] = std::move(logprobs);
  json["top_logprobs"] = std::move(tops);
  json["text_offset"] = std::move(offsets);
  return json;
}

std::string NewId(std::string_view prefix) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{}{:016x}{:016x}", prefix, random(), random());
}

json::Object AnswerHead::Json() const {
  json::Object json;
  json["id"] = id;
  json["object"] = object;
  json["created"] = created_s;
  json["model"] = service.model_id;
  json["system_fingerprint"] = service.fingerprint;
  return json;
}

std::vector<http::Header> LoadHeaders(const engine::Engine& engine) {
  const engine::Load load = engine.load();
  return {{"x-holdfast-running", std::to_string(load.running)},
          {"x-holdfast-waiting", std::to_string(load.waiting)},
          {"x-holdfast-blocks-free", std::to_string(load.blocks_free)},
          {"x-holdfast-blocks-total", std::to_string(load.blocks_total)},
          {"x-holdfast-tokens-per-second", fmt::format("{:.1f}", load.tokens_per_second)}};
}

}  // namespace holdfast::api
