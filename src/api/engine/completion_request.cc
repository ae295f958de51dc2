#include "api/engine/completion_request.h"

#include <utility>

#include "api/limits.h"

namespace holdfast::api {
namespace {

std::unexpected<ApiError> FailPrompt() {
  return FailApi(Reason::kBadRequest,
                 fmt::format("'prompt' must be a string, an array of token ids, or an array of up "
                             "to {} of either",
                             kPromptsMax),
                 "prompt");
}

ApiResult<std::vector<engine::TokenId>> ParseIds(const json::Array& array, std::int64_t vocab_size,
                                                 std::size_t count_max) {
  if (array.empty()) return FailPrompt();
  if (array.size() > count_max) {
    ApiError error;
    error.reason = Reason::kContextTooLong;
    error.code = "context_length_exceeded";
    error.param = "prompt";
    error.message =
        fmt::format("A prompt of {} tokens is over the limit of {}.", array.size(), count_max);
    return std::unexpected(std::move(error));
  }
  std::vector<engine::TokenId> ids;
  ids.reserve(array.size());
  for (const json::Value& value : array) {
    if (!value.is_int64()) return FailPrompt();
    if (value.as_int64() < 0 || value.as_int64() >= vocab_size) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'prompt': a token id must be in 0..{}", vocab_size - 1),
                     "prompt");
    }
    ids.push_back(static_cast<engine::TokenId>(value.as_int64()));
  }
  return ids;
}

ApiResult<void> ParsePrompts(const Fields& fields, std::int64_t vocab_size,
                             std::size_t prompt_tokens_max, CompletionRequest& request) {
  const json::Value* const value = fields.Find("prompt");
  if (value == nullptr) return FailPrompt();
  if (value->is_string()) {
    request.prompts.emplace_back(std::string(value->as_string()));
    return {};
  }
  if (!value->is_array() || value->as_array().empty()) return FailPrompt();
  const json::Array& array = value->as_array();
  if (array.front().is_number()) {
    TRY_ASSIGN(auto ids, ParseIds(array, vocab_size, prompt_tokens_max));
    request.prompts.emplace_back(std::move(ids));
    return {};
  }
  if (array.size() > kPromptsMax) return FailPrompt();
  for (const json::Value& element : array) {
    if (element.is_string()) {
      request.prompts.emplace_back(std::string(element.as_string()));
    } else if (element.is_array()) {
      TRY_ASSIGN(auto ids, ParseIds(element.as_array(), vocab_size, prompt_tokens_max));
      request.prompts.emplace_back(std::move(ids));
    } else {
      return FailPrompt();
    }
  }
  return {};
}

}  // namespace

ApiResult<CompletionRequest> ParseCompletionRequest(std::string_view body, std::int64_t vocab_size,
                                                    std::size_t prompt_tokens_max) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  const Fields fields(object);
  CompletionRequest request;
  TRY_ASSIGN(request.settings, ParseGenerationSettings(object, vocab_size));
  if (!request.settings.max_tokens) request.settings.max_tokens = kCompletionTokensDefault;
  TRY(ParsePrompts(fields, vocab_size, prompt_tokens_max, request));
  const auto answers = static_cast<std::int64_t>(request.prompts.size()) * request.settings.n;
  if (answers > kChoicesMax) {
    return FailApi(
        Reason::kBadRequest,
        fmt::format("prompts times 'n' is {}, over the limit of {}", answers, kChoicesMax), "n");
  }
  TRY(fields.Refuse("suffix", "this model fills no gaps"));
  TRY_ASSIGN(const auto best_of, fields.Int("best_of", 1, kChoicesMax));
  if (best_of.value_or(request.settings.n) != request.settings.n) {
    return FailApi(Reason::kUnsupported, "'best_of' can only be equal to 'n'", "best_of");
  }
  TRY_ASSIGN(request.echoes, fields.Bool("echo", false));
  TRY_ASSIGN(const auto logprobs, fields.Int("logprobs", 0, kTopLogprobsMax));
  if (logprobs) {
    if (request.echoes) {
      return FailApi(Reason::kUnsupported, "'logprobs' together with 'echo' is not supported",
                     "logprobs");
    }
    request.settings.sampling.top_logprobs = static_cast<std::int32_t>(*logprobs);
  }
  return request;
}

}  // namespace holdfast::api
