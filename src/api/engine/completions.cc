#include "api/engine/completions.h"

#include <ctime>
#include <utility>

#include "api/engine/answer_pump.h"
#include "api/engine/completion_request.h"
#include "api/engine/model_check.h"
#include "tokenizer/utf8.h"

namespace holdfast::api {
namespace {

class TextFormat final : public AnswerFormat {
 public:
  // `echoes`: text to begin each choice with.
  TextFormat(const EngineService& service, bool wants_logprobs, std::vector<std::string> echoes)
      : head_{NewId("cmpl-"), "text_completion", std::time(nullptr), service},
        wants_logprobs_(wants_logprobs),
        echoes_(std::move(echoes)),
        text_offsets_(echoes_.size()) {}

  std::vector<json::Object> Opening(std::size_t choice_count) override {
    std::vector<json::Object> events;
    for (std::size_t i = 0; i < choice_count; ++i) {
      if (!echoes_[i].empty()) events.push_back(Chunk(i, echoes_[i], nullptr, nullptr));
    }
    return events;
  }

  std::vector<json::Object> Chunks(const Piece& piece) override {
    json::Value finish = nullptr;
    if (piece.finish) finish = json::Value(FinishName(*piece.finish));
    std::vector<json::Object> events;
    events.push_back(Chunk(piece.choice, piece.text, Logprobs(piece), std::move(finish)));
    return events;
  }

  json::Object UsageChunk(const engine::Usage& usage) override {
    json::Object chunk = head_.Json();
    chunk["choices"] = json::Array{};
    chunk["usage"] = UsageJson(usage);
    return chunk;
  }

  json::Object Whole(std::vector<Piece> choices, const engine::Usage& usage) override {
    json::Array array;
    for (const Piece& piece : choices) {
      array.emplace_back(Choice(piece.choice, echoes_[piece.choice] + piece.text, Logprobs(piece),
                                json::Value(FinishName(*piece.finish))));
    }
    json::Object answer = head_.Json();
    answer["choices"] = std::move(array);
    answer["usage"] = UsageJson(usage);
    return answer;
  }

 private:
  json::Value Logprobs(const Piece& piece) {
    if (!wants_logprobs_) return nullptr;
    return TextLogprobsJson(head_.service.tokenizer, piece.tokens, text_offsets_[piece.choice]);
  }

  static json::Object Choice(std::size_t index, std::string_view text, json::Value logprobs,
                             json::Value finish) {
    json::Object choice;
    choice["index"] = index;
    choice["text"] = text;
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(finish);
    return choice;
  }

  json::Object Chunk(std::size_t index, std::string_view text, json::Value logprobs,
                     json::Value finish) const {
    json::Object chunk = head_.Json();
    chunk["choices"] = json::Array{Choice(index, text, std::move(logprobs), std::move(finish))};
    return chunk;
  }

  AnswerHead head_;
  bool wants_logprobs_;
  std::vector<std::string> echoes_;  // One a choice.
  std::vector<std::size_t> text_offsets_;
};

ApiResult<GenerationPlan> Plan(const EngineService& service, const CompletionRequest& completion,
                               const std::string& client) {
  TRY(CheckModel(service, completion.settings.model));
  GenerationPlan plan;
  for (const CompletionRequest::Prompt& prompt : completion.prompts) {
    if (const auto* const ids = std::get_if<std::vector<engine::TokenId>>(&prompt)) {
      plan.prompts.push_back(*ids);
      continue;
    }
    const std::string& text = std::get<std::string>(prompt);
    TRY(CheckTextBytes(service, text.size(), "prompt"));
    tokenizer::Tokenizer::EncodeOptions options;
    options.add_bos = service.tokenizer.spec().add_bos;
    plan.prompts.push_back(service.tokenizer.Encode(text, options));
    if (plan.prompts.back().empty()) {
      return FailApi(Reason::kBadRequest, "'prompt' is empty", "prompt");
    }
  }
  plan.stop_ids = service.tokenizer.ends();
  plan.caller = Caller(client, completion.settings.user);
  return plan;
}

std::vector<std::string> Echoes(const EngineService& service, const CompletionRequest& completion) {
  std::vector<std::string> echoes;
  for (const CompletionRequest::Prompt& prompt : completion.prompts) {
    std::string text;
    if (completion.echoes) {
      const auto* const ids = std::get_if<std::vector<engine::TokenId>>(&prompt);
      text = ids != nullptr ? tokenizer::ReplaceInvalidUtf8(service.tokenizer.Decode(*ids))
                            : std::get<std::string>(prompt);
    }
    for (std::int64_t i = 0; i < completion.settings.n; ++i) echoes.push_back(text);
  }
  return echoes;
}

}  // namespace

net::Awaitable<void> Completions(const EngineService& service, http::Exchange& exchange,
                                 const http::RouteRequest& request) {
  const ApiResult<CompletionRequest> completion = ParseCompletionRequest(
      request.body, service.vocab_size, static_cast<std::size_t>(service.context_max));
  if (!completion) {
    co_await SendError(exchange, completion.error(), request.id);
    co_return;
  }
  ApiResult<GenerationPlan> plan = Plan(service, *completion, request.client);
  if (!plan) {
    co_await SendError(exchange, plan.error(), request.id);
    co_return;
  }
  const ApiResult<std::unique_ptr<Generation>> generation =
      Generation::Start(service, completion->settings, *plan, exchange);
  if (!generation) {
    co_await SendError(exchange, generation.error(), request.id);
    co_return;
  }
  TextFormat format(service, completion->settings.sampling.top_logprobs >= 0,
                    Echoes(service, *completion));
  const PumpOptions options{completion->settings.is_stream, completion->settings.includes_usage,
                            request.id};
  co_await PumpAnswer(service, exchange, **generation, format, options);
}

}  // namespace holdfast::api
