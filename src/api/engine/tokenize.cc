#include "api/engine/tokenize.h"

#include <utility>

#include "api/engine/chat_request.h"
#include "api/engine/model_check.h"
#include "api/fields.h"
#include "tokenizer/utf8.h"

namespace holdfast::api {
namespace {

constexpr std::size_t kTokensMax = 1 << 20;

ApiResult<std::vector<tokenizer::TokenId>> TokenizeText(const EngineService& service,
                                                        const Fields& fields) {
  const std::string_view key = fields.Find("prompt") != nullptr ? "prompt" : "content";
  if (fields.Find(key) == nullptr) {
    return FailApi(Reason::kBadRequest, "'content' is missing", "content");
  }
  TRY_ASSIGN(const std::string text,
             fields.String(key, "", std::numeric_limits<std::size_t>::max()));
  TRY(CheckTextBytes(service, text.size(), key));
  TRY_ASSIGN(const bool adds_bos, fields.Bool("add_special", false));
  tokenizer::Tokenizer::EncodeOptions options;
  options.add_bos = adds_bos;
  return service.tokenizer.Encode(text, options);
}

ApiResult<json::Object> TokenizeBody(const EngineService& service, std::string_view body) {
  TRY_ASSIGN(json::Object object, ParseBody(body));
  std::vector<tokenizer::TokenId> ids;
  if (Fields(object).Find("messages") != nullptr) {
    object["model"] = service.model_id;
    TRY_ASSIGN(const ChatRequest chat, ParseChatRequest(json::Write(object), service.vocab_size));
    auto prompt = tokenizer::RenderChat(service.tokenizer, service.family, chat.messages,
                                        chat.continues_last);
    if (!prompt) return std::unexpected(ToApiError(prompt.error()));
    ids = std::move(prompt->ids);
  } else {
    TRY_ASSIGN(ids, TokenizeText(service, Fields(object)));
  }
  json::Array tokens(ids.begin(), ids.end());
  json::Object answer;
  answer["count"] = tokens.size();
  answer["tokens"] = std::move(tokens);
  answer["max_model_len"] = service.context_max;
  return answer;
}

ApiResult<json::Object> DetokenizeBody(const EngineService& service, std::string_view body) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  TRY_ASSIGN(const json::Array* const tokens, Fields(object).Array("tokens", kTokensMax));
  if (tokens == nullptr) return FailApi(Reason::kBadRequest, "'tokens' is missing", "tokens");
  std::vector<tokenizer::TokenId> ids;
  const auto id_count = static_cast<std::int64_t>(service.tokenizer.vocab_size());
  for (const json::Value& value : *tokens) {
    if (!value.is_int64() || value.as_int64() < 0 || value.as_int64() >= id_count) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'tokens' must be token ids in 0..{}", id_count - 1), "tokens");
    }
    ids.push_back(static_cast<tokenizer::TokenId>(value.as_int64()));
  }
  const std::string text =
      tokenizer::ReplaceInvalidUtf8(service.tokenizer.Decode(ids, /*with_special=*/true));
  json::Object answer;
  answer["content"] = text;
  answer["prompt"] = text;
  return answer;
}

net::Awaitable<void> SendResult(http::Exchange& exchange, ApiResult<json::Object> result,
                                const std::string& request_id) {
  if (!result) {
    co_await SendError(exchange, result.error(), request_id);
    co_return;
  }
  const json::Value body = std::move(*result);
  co_await SendJson(exchange, body);
}

}  // namespace

net::Awaitable<void> Tokenize(const EngineService& service, http::Exchange& exchange,
                              const http::RouteRequest& request) {
  return SendResult(exchange, TokenizeBody(service, request.body), request.id);
}

net::Awaitable<void> Detokenize(const EngineService& service, http::Exchange& exchange,
                                const http::RouteRequest& request) {
  return SendResult(exchange, DetokenizeBody(service, request.body), request.id);
}

}  // namespace holdfast::api
