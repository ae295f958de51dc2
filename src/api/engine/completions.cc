#include "api/engine/completions.h"

#include <ctime>
#include <utility>

#include "api/engine/answer_pump.h"
#include "api/engine/completion_request.h"
#include "api/engine/model_check.h"
#include "api/engine/prompt_work.h"
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
        choices_(echoes_.size()) {}

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

  void Add(Piece piece) override {
    ChoiceText& choice = choices_[piece.choice];
    choice.text += piece.text;
    if (piece.finish) choice.finish = *piece.finish;
    if (!wants_logprobs_) return;
    for (const ShownToken& token : piece.tokens) {
      const TextTokenJson json = MakeTextTokenJson(head_.service.tokenizer, token);
      const auto append = [](std::string& list, const json::Value& value) {
        if (!list.empty()) list += ',';
        list += json::Write(value);
      };
      append(choice.tokens, json::Value(json.text));
      append(choice.token_logprobs, json.logprob);
      append(choice.top_logprobs, json.top);
      append(choice.text_offsets, json.text_offset);
    }
  }

  std::string Whole(const engine::Usage& usage) override {
    std::vector<std::string> choices;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const ChoiceText choice = std::exchange(choices_[i], {});
      std::string logprobs = "null";
      if (wants_logprobs_) {
        logprobs = fmt::format(
            R"({{"tokens":[{}],"token_logprobs":[{}],"top_logprobs":[{}],"text_offset":[{}]}})",
            choice.tokens, choice.token_logprobs, choice.top_logprobs, choice.text_offsets);
      }
      choices.push_back(fmt::format(
          R"({{"index":{},"text":{},"logprobs":{},"finish_reason":"{}"}})", i,
          json::Write(json::Value(echoes_[i] + choice.text)), logprobs, FinishName(choice.finish)));
    }
    return WholeAnswer(head_, std::move(choices), usage);
  }

 private:
  // Lists are JSON, without their brackets.
  struct ChoiceText {
    std::string text;
    std::string tokens;
    std::string token_logprobs;
    std::string top_logprobs;
    std::string text_offsets;
    Finish finish = Finish::kStop;
  };

  json::Value Logprobs(const Piece& piece) const {
    if (!wants_logprobs_) return nullptr;
    json::Array texts, logprobs, tops, offsets;
    for (const ShownToken& token : piece.tokens) {
      TextTokenJson json = MakeTextTokenJson(head_.service.tokenizer, token);
      texts.emplace_back(json.text);
      logprobs.emplace_back(json.logprob);
      tops.emplace_back(std::move(json.top));
      offsets.emplace_back(json.text_offset);
    }
    return json::Object{{"tokens", std::move(texts)},
                        {"token_logprobs", std::move(logprobs)},
                        {"top_logprobs", std::move(tops)},
                        {"text_offset", std::move(offsets)}};
  }

  json::Object Chunk(std::size_t index, std::string_view text, json::Value logprobs,
                     json::Value finish) const {
    json::Object choice;
    choice["index"] = index;
    choice["text"] = text;
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(finish);
    json::Object chunk = head_.Json();
    chunk["choices"] = json::Array{std::move(choice)};
    return chunk;
  }

  AnswerHead head_;
  bool wants_logprobs_;
  std::vector<std::string> echoes_;  // One a choice.
  std::vector<ChoiceText> choices_;  // Of a whole answer.
};

struct CompletionWork {
  GenerationSettings settings;
  GenerationPlan plan;
  std::vector<std::string> echoes;  // One a choice: what it begins with.
};

ApiResult<std::vector<engine::TokenId>> Encode(const EngineService& service,
                                               const CompletionRequest::Prompt& prompt) {
  if (const auto* const ids = std::get_if<std::vector<engine::TokenId>>(&prompt)) return *ids;
  const std::string& text = std::get<std::string>(prompt);
  TRY(CheckTextBytes(service, text.size(), "prompt"));
  tokenizer::Tokenizer::EncodeOptions options;
  options.add_bos = service.tokenizer.spec().add_bos;
  options.count_max = static_cast<std::size_t>(service.context_max);
  std::vector<engine::TokenId> ids = service.tokenizer.Encode(text, options);
  if (ids.empty()) return FailApi(Reason::kBadRequest, "'prompt' is empty", "prompt");
  return ids;
}

std::string PromptText(const EngineService& service, const CompletionRequest::Prompt& prompt) {
  if (const auto* const text = std::get_if<std::string>(&prompt)) return *text;
  return tokenizer::ReplaceInvalidUtf8(
      service.tokenizer.Decode(std::get<std::vector<engine::TokenId>>(prompt)));
}

// From the wire to ids.
ApiResult<CompletionWork> Prepare(const EngineService& service, const EngineRequest& request) {
  TRY_ASSIGN(CompletionRequest completion,
             ParseCompletionRequest(request.body, service.vocab_size,
                                    static_cast<std::size_t>(service.context_max)));
  TRY(CheckModel(service, completion.settings.model));
  CompletionWork work;
  work.settings = std::move(completion.settings);
  const auto answers = static_cast<std::size_t>(work.settings.n);
  for (const CompletionRequest::Prompt& prompt : completion.prompts) {
    TRY_ASSIGN(auto ids, Encode(service, prompt));
    work.plan.prompts.push_back(std::move(ids));
    const std::string echo = completion.echoes ? PromptText(service, prompt) : std::string();
    work.plan.echo_bytes += answers * json::Write(json::Value(echo)).size();
    work.echoes.insert(work.echoes.end(), answers, echo);
  }
  work.plan.stop_ids = service.tokenizer.ends();
  work.plan.caller = Caller(request.client, work.settings.user);
  return work;
}

}  // namespace

net::Awaitable<ApiResult<void>> Completions(const EngineService& service, Reply& reply,
                                            const EngineRequest& request) {
  const auto prepare = [&service, &request] { return Prepare(service, request); };
  ApiResult<CompletionWork> work = co_await OffIoThread(service, prepare);
  if (!work) co_return std::unexpected(work.error());
  const GenerationSettings& settings = work->settings;
  const ApiResult<std::unique_ptr<Generation>> generation =
      Generation::Start(service, settings, work->plan, reply.exchange());
  if (!generation) co_return std::unexpected(generation.error());
  TextFormat format(service, settings.sampling.top_logprobs >= 0, std::move(work->echoes));
  const PumpOptions options{settings.is_stream, settings.includes_usage,
                            settings.has_running_usage};
  co_return co_await PumpAnswer(service, reply, **generation, format, options);
}

}  // namespace holdfast::api
