#include "api/engine/chat_completions.h"

#include <ctime>
#include <utility>

#include "api/engine/answer_pump.h"
#include "api/engine/chat_request.h"
#include "api/engine/model_check.h"

namespace holdfast::api {
namespace {

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(const EngineService& service, bool wants_logprobs)
      : head_{NewId("chatcmpl-"), "chat.completion.chunk", std::time(nullptr), service},
        wants_logprobs_(wants_logprobs) {}

  std::vector<json::Object> Opening(std::size_t choice_count) override {
    std::vector<json::Object> events;
    for (std::size_t i = 0; i < choice_count; ++i) {
      json::Object delta;
      delta["role"] = "assistant";
      delta["content"] = "";
      events.push_back(Chunk(i, std::move(delta), nullptr, nullptr));
    }
    return events;
  }

  std::vector<json::Object> Chunks(const Piece& piece) override {
    std::vector<json::Object> events;
    if (!piece.text.empty() || !piece.tokens.empty()) {
      json::Object delta;
      delta["content"] = piece.text;
      json::Value logprobs = nullptr;
      if (wants_logprobs_) logprobs = ChatLogprobsJson(head_.service.tokenizer, piece.tokens);
      events.push_back(Chunk(piece.choice, std::move(delta), std::move(logprobs), nullptr));
    }
    if (piece.finish) {
      events.push_back(
          Chunk(piece.choice, json::Object{}, nullptr, json::Value(FinishName(*piece.finish))));
    }
    return events;
  }

  json::Object UsageChunk(const engine::Usage& usage) override {
    json::Object chunk = head_.Json();
    chunk["choices"] = json::Array{};
    chunk["usage"] = UsageJson(usage);
    return chunk;
  }

  json::Object Whole(std::vector<Piece> choices, const engine::Usage& usage) override {
    head_.object = "chat.completion";
    json::Array array;
    for (const Piece& piece : choices) {
      json::Object message;
      message["role"] = "assistant";
      message["content"] = piece.text;
      message["refusal"] = nullptr;
      json::Object choice;
      choice["index"] = piece.choice;
      choice["message"] = std::move(message);
      choice["logprobs"] = nullptr;
      if (wants_logprobs_) {
        choice["logprobs"] = ChatLogprobsJson(head_.service.tokenizer, piece.tokens);
      }
      choice["finish_reason"] = FinishName(*piece.finish);
      array.emplace_back(std::move(choice));
    }
    json::Object answer = head_.Json();
    answer["choices"] = std::move(array);
    answer["usage"] = UsageJson(usage);
    return answer;
  }

 private:
  json::Object Chunk(std::size_t index, json::Object delta, json::Value logprobs,
                     json::Value finish) const {
    json::Object choice;
    choice["index"] = index;
    choice["delta"] = std::move(delta);
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(finish);
    json::Object chunk = head_.Json();
    chunk["choices"] = json::Array{std::move(choice)};
    return chunk;
  }

  AnswerHead head_;
  bool wants_logprobs_;
};

// From the wire to a generation that has its place in the engine's queue.
ApiResult<std::unique_ptr<Generation>> Begin(const EngineService& service, const ChatRequest& chat,
                                             const std::string& client, http::Exchange& exchange) {
  TRY(CheckModel(service, chat.settings.model));
  std::size_t bytes = 0;
  for (const tokenizer::ChatMessage& message : chat.messages) bytes += message.content.size();
  TRY(CheckTextBytes(service, bytes, "messages"));
  const Result<tokenizer::RenderedPrompt> prompt =
      tokenizer::RenderChat(service.tokenizer, service.family, chat.messages, chat.continues_last);
  if (!prompt) return std::unexpected(ToApiError(prompt.error()));
  GenerationPlan plan;
  plan.prompts.push_back(prompt->ids);
  plan.stop_ids = prompt->stop_ids;
  plan.caller = Caller(client, chat.settings.user);
  return Generation::Start(service, chat.settings, plan, exchange);
}

}  // namespace

net::Awaitable<void> ChatCompletions(const EngineService& service, http::Exchange& exchange,
                                     const http::RouteRequest& request) {
  const ApiResult<ChatRequest> chat = ParseChatRequest(request.body, service.vocab_size);
  if (!chat) {
    co_await SendError(exchange, chat.error(), request.id);
    co_return;
  }
  const ApiResult<std::unique_ptr<Generation>> generation =
      Begin(service, *chat, request.client, exchange);
  if (!generation) {
    co_await SendError(exchange, generation.error(), request.id);
    co_return;
  }
  ChatFormat format(service, chat->settings.sampling.top_logprobs >= 0);
  const PumpOptions options{chat->settings.is_stream, chat->settings.includes_usage, request.id};
  co_await PumpAnswer(service, exchange, **generation, format, options);
}

}  // namespace holdfast::api
