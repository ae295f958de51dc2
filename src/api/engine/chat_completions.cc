#include "api/engine/chat_completions.h"

#include <ctime>
#include <utility>

#include "api/engine/answer_pump.h"
#include "api/engine/chat_request.h"
#include "api/engine/model_check.h"
#include "api/engine/prompt_work.h"
#include "api/engine/render_prompt.h"

namespace holdfast::api {
namespace {

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(const EngineService& service, std::size_t choice_count, bool wants_logprobs)
      : head_{NewId("chatcmpl-"), "chat.completion.chunk", std::time(nullptr), service},
        wants_logprobs_(wants_logprobs),
        choices_(choice_count) {}

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
      events.push_back(Chunk(piece.choice, std::move(delta), Logprobs(piece), nullptr));
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

  void Add(Piece piece) override {
    ChoiceText& choice = choices_[piece.choice];
    choice.content += piece.text;
    if (piece.finish) choice.finish = *piece.finish;
    if (!wants_logprobs_) return;
    for (const ShownToken& token : piece.tokens) {
      if (!choice.logprobs.empty()) choice.logprobs += ',';
      choice.logprobs += json::Write(ChatTokenJson(head_.service.tokenizer, token));
    }
  }

  std::string Whole(const engine::Usage& usage) override {
    head_.object = "chat.completion";
    std::vector<std::string> choices;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const ChoiceText choice = std::exchange(choices_[i], {});
      json::Object message;
      message["role"] = "assistant";
      message["content"] = choice.content;
      message["refusal"] = nullptr;
      const std::string logprobs =
          wants_logprobs_ ? fmt::format(R"({{"content":[{}],"refusal":null}})", choice.logprobs)
                          : "null";
      choices.push_back(
          fmt::format(R"({{"index":{},"message":{},"logprobs":{},"finish_reason":"{}"}})", i,
                      json::Write(message), logprobs, FinishName(choice.finish)));
    }
    return WholeAnswer(head_, std::move(choices), usage);
  }

 private:
  struct ChoiceText {
    std::string content;
    std::string logprobs;  // JSON, the elements of `content` of the choice's logprobs.
    Finish finish = Finish::kStop;
  };

  json::Value Logprobs(const Piece& piece) const {
    if (!wants_logprobs_) return nullptr;
    json::Array content;
    for (const ShownToken& token : piece.tokens) {
      content.emplace_back(ChatTokenJson(head_.service.tokenizer, token));
    }
    return json::Object{{"content", std::move(content)}, {"refusal", nullptr}};
  }

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
  std::vector<ChoiceText> choices_;  // Of a whole answer.
};

struct ChatWork {
  GenerationSettings settings;
  GenerationPlan plan;
};

// From the wire to ids.
ApiResult<ChatWork> Prepare(const EngineService& service, const EngineRequest& request) {
  TRY_ASSIGN(ChatRequest chat, ParseChatRequest(request.body, service.vocab_size));
  TRY(CheckModel(service, chat.settings.model));
  TRY_ASSIGN(tokenizer::RenderedPrompt prompt, RenderPrompt(service, chat));
  ChatWork work;
  work.settings = std::move(chat.settings);
  work.plan.prompts.push_back(std::move(prompt.ids));
  work.plan.stop_ids = std::move(prompt.stop_ids);
  work.plan.caller = Caller(request.client, work.settings.user);
  return work;
}

}  // namespace

net::Awaitable<ApiResult<void>> ChatCompletions(const EngineService& service, Reply& reply,
                                                const EngineRequest& request) {
  const auto prepare = [&service, &request] { return Prepare(service, request); };
  const ApiResult<ChatWork> work = co_await OffIoThread(service, prepare);
  if (!work) co_return std::unexpected(work.error());
  const GenerationSettings& settings = work->settings;
  const ApiResult<std::unique_ptr<Generation>> generation =
      Generation::Start(service, settings, work->plan, reply.exchange());
  if (!generation) co_return std::unexpected(generation.error());
  ChatFormat format(service, (*generation)->choice_count(), settings.sampling.top_logprobs >= 0);
  const PumpOptions options{settings.is_stream, settings.includes_usage,
                            settings.has_running_usage};
  co_return co_await PumpAnswer(service, reply, **generation, format, options);
}

}  // namespace holdfast::api
