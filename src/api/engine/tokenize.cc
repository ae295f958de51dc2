#include "api/engine/tokenize.h"

#include <utility>

#include "api/engine/chat_request.h"
#include "api/engine/engine_errors.h"
#include "api/engine/model_check.h"
#include "api/engine/prompt_work.h"
#include "api/engine/render_prompt.h"
#include "api/engine/wire.h"
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

ApiResult<std::vector<tokenizer::TokenId>> TokenizeObject(const EngineService& service,
                                                          const json::Object& object) {
  const Fields fields(object);
  if (fields.Find("messages") == nullptr) return TokenizeText(service, fields);
  TRY_ASSIGN(const ChatRequest chat, ParseChatRequest(object, service.vocab_size));
  TRY_ASSIGN(tokenizer::RenderedPrompt prompt, RenderPrompt(service, chat));
  if (prompt.ids.size() > static_cast<std::size_t>(service.context_max)) {
    return std::unexpected(ContextTooLong(prompt.ids.size(), service.context_max, "messages"));
  }
  return std::move(prompt.ids);
}

ApiResult<std::string> TokenizeBody(const EngineService& service, std::string_view body) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  TRY_ASSIGN(const std::string model, Fields(object).String("model", "", kModelBytesMax));
  TRY(CheckModel(service, model));
  TRY_ASSIGN(const std::vector<tokenizer::TokenId> ids, TokenizeObject(service, object));
  json::Object answer;
  answer["count"] = ids.size();
  answer["tokens"] = json::Array(ids.begin(), ids.end());
  answer["max_model_len"] = service.context_max;
  return json::Write(answer);
}

ApiResult<std::string> DetokenizeBody(const EngineService& service, std::string_view body) {
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
  return json::Write(answer);
}

using MakeBody = ApiResult<std::string> (*)(const EngineService&, std::string_view);

net::Awaitable<ApiResult<void>> Answer(const EngineService& service, Reply& reply,
                                       const EngineRequest& request, MakeBody make) {
  const auto work = [&service, &request, make] { return make(service, request.body); };
  const ApiResult<std::string> body = co_await OffIoThread(service, work);
  if (!body) co_return std::unexpected(body.error());
  co_return co_await reply.SendJsonText(*body);
}

}  // namespace

net::Awaitable<ApiResult<void>> Tokenize(const EngineService& service, Reply& reply,
                                         const EngineRequest& request) {
  return Answer(service, reply, request, TokenizeBody);
}

net::Awaitable<ApiResult<void>> Detokenize(const EngineService& service, Reply& reply,
                                           const EngineRequest& request) {
  return Answer(service, reply, request, DetokenizeBody);
}

}  // namespace holdfast::api
