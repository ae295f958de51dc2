#include "api/engine/wire.h"

#include <span>

#include "tokenizer/utf8.h"

namespace holdfast::api {

json::Object RunningUsageJson(const engine::Usage& usage) {
  json::Object json;
  json["prompt_tokens"] = usage.prompt_tokens;
  json["completion_tokens"] = usage.completion_tokens;
  json["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  json["prompt_tokens_details"] = json::Object{{"cached_tokens", usage.cached_tokens}};
  return json;
}

json::Object UsageJson(const engine::Usage& usage) {
  json::Object json = RunningUsageJson(usage);
  json["prompt_cache_hit_tokens"] = usage.cached_tokens;
  json["prompt_cache_miss_tokens"] = usage.prompt_tokens - usage.cached_tokens;
  json["completion_tokens_details"] = json::Object{{"reasoning_tokens", 0}};
  return json;
}

std::string TokenText(const tokenizer::Tokenizer& tokenizer, engine::TokenId id) {
  return tokenizer::ReplaceInvalidUtf8(tokenizer.Decode(std::span(&id, 1), /*with_special=*/true));
}

namespace {

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

json::Object ChatTokenJson(const tokenizer::Tokenizer& tokenizer, const ShownToken& token) {
  json::Object json = TokenJson(tokenizer, token.event.id, token.event.logprob);
  json::Array top;
  for (const auto& [id, logprob] : token.event.top_logprobs) {
    top.emplace_back(TokenJson(tokenizer, id, logprob));
  }
  json["top_logprobs"] = std::move(top);
  return json;
}

TextTokenJson MakeTextTokenJson(const tokenizer::Tokenizer& tokenizer, const ShownToken& token) {
  TextTokenJson json{.text = TokenText(tokenizer, token.event.id),
                     .logprob = token.event.logprob,
                     .top = {},
                     .text_offset = token.text_offset};
  bool has_taken = false;
  const auto add = [&](engine::TokenId id, float logprob) {
    has_taken |= id == token.event.id;
    const std::string text = TokenText(tokenizer, id);
    json.top[json.top.contains(text) ? fmt::format("token_id:{}", id) : text] = logprob;
  };
  for (const auto& [id, logprob] : token.event.top_logprobs) add(id, logprob);
  if (!has_taken) add(token.event.id, token.event.logprob);
  return json;
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

std::string WholeAnswer(const AnswerHead& head, std::vector<std::string> choices,
                        const engine::Usage& usage) {
  std::string answer = json::Write(head.Json());
  const std::string usage_json = json::Write(UsageJson(usage));
  std::size_t bytes = answer.size() + usage_json.size() + 64;
  for (const std::string& choice : choices) bytes += choice.size() + 1;
  answer.reserve(bytes);
  answer.back() = ',';  // Was the object's end.
  answer += R"("choices":[)";
  for (std::string& choice : choices) {
    if (&choice != &choices.front()) answer += ',';
    answer += choice;
    choice = {};
  }
  answer += R"(],"usage":)";
  answer += usage_json;
  answer += '}';
  return answer;
}

std::vector<http::Header> LoadHeaders(const engine::Engine& engine) {
  const engine::Load load = engine.load();
  return {{"x-holdfast-running", std::to_string(load.running)},
          {"x-holdfast-waiting", std::to_string(load.waiting)},
          {"x-holdfast-blocks-free", std::to_string(load.blocks_free)},
          {"x-holdfast-blocks-total", std::to_string(load.blocks_total)},
          {"x-holdfast-sequences-max", std::to_string(load.sequences_max)},
          {"x-holdfast-tokens-per-s", fmt::format("{:.1f}", load.tokens_per_second)},
          {"x-holdfast-is-draining", load.is_draining ? "true" : "false"}};
}

}  // namespace holdfast::api
