#include "api/engine/generation.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "api/engine/stop_matcher.h"
#include "tokenizer/detokenizer.h"

namespace holdfast::api {

std::string_view FinishName(Finish finish) { return finish == Finish::kStop ? "stop" : "length"; }

// One answer. Tokens wait in `pending` until the text that they complete is shown.
struct Generation::Choice {
  Choice(std::size_t index_in, const tokenizer::Tokenizer& tokenizer,
         const std::vector<std::string>& stops)
      : index(index_in), detokenizer(tokenizer), matcher(stops) {}

  struct PendingToken {
    engine::TokenEvent event;
    std::size_t text_end = 0;  // Bytes of text up to and with this token.
  };

  std::size_t index;
  std::unique_ptr<engine::TokenStream> stream;  // Null once finished.
  tokenizer::Detokenizer detokenizer;
  StopMatcher matcher;
  std::deque<PendingToken> pending;
  std::size_t made_bytes = 0;
  std::size_t shown_bytes = 0;
  engine::Usage usage;
};

Generation::Generation(const EngineService& service, http::Exchange& exchange)
    : service_(service),
      exchange_(exchange),
      event_(std::make_shared<net::Event>(exchange.executor())) {}

Generation::~Generation() = default;

namespace {

ApiError ContextTooLong(std::size_t tokens, std::int64_t context_max) {
  ApiError error;
  error.reason = Reason::kContextTooLong;
  error.code = "context_length_exceeded";
  error.message = fmt::format(
      "The prompt has {} tokens; with at least one token of answer that is over this "
      "model's context of {}.",
      tokens, context_max);
  return error;
}

}  // namespace

ApiResult<std::unique_ptr<Generation>> Generation::Start(const EngineService& service,
                                                         const GenerationSettings& settings,
                                                         const GenerationPlan& plan,
                                                         http::Exchange& exchange) {
  std::unique_ptr<Generation> generation(new Generation(service, exchange));
  TRY(generation->Submit(settings, plan));
  generation->stopped_ = exchange.stop().OnStop([event = generation->event_] { event->Notify(); });
  return generation;
}

ApiResult<void> Generation::Submit(const GenerationSettings& settings, const GenerationPlan& plan) {
  wants_logprobs_ = settings.sampling.top_logprobs >= 0;
  answers_per_prompt_ = static_cast<std::size_t>(settings.n);
  const auto deadline = std::chrono::steady_clock::now() + service_.answer_time_max;
  for (const std::vector<engine::TokenId>& prompt : plan.prompts) {
    const std::int64_t room = service_.context_max - static_cast<std::int64_t>(prompt.size());
    if (room < 1) return std::unexpected(ContextTooLong(prompt.size(), service_.context_max));
    for (std::int64_t answer = 0; answer < settings.n; ++answer) {
      engine::Request request;
      request.prompt = prompt;
      request.max_tokens =
          std::min({settings.max_tokens.value_or(room), room, service_.answer_tokens_max});
      request.sampling = settings.sampling;
      if (request.sampling.seed) *request.sampling.seed += static_cast<std::uint64_t>(answer);
      request.stop_ids = plan.stop_ids;
      request.caller = plan.caller;
      request.deadline = deadline;
      auto stream = service_.engine.Submit(std::move(request));
      if (!stream) return std::unexpected(ToApiError(stream.error()));
      choices_.push_back(
          std::make_unique<Choice>(choices_.size(), service_.tokenizer, settings.stop));
      choices_.back()->stream = std::move(*stream);
      choices_.back()->usage.prompt_tokens = static_cast<std::int64_t>(prompt.size());
      ++open_count_;
    }
  }
  for (const auto& choice : choices_) {
    choice->stream->SetNotify([event = event_] { net::Event::PostNotify(event); });
  }
  return {};
}

net::Awaitable<ApiResult<std::vector<Piece>>> Generation::Next(net::TimePoint deadline) {
  std::vector<Piece> pieces;
  while (pieces.empty() && open_count_ > 0) {
    if (exchange_.stop().is_stopped())
      co_return std::unexpected(ToApiError(exchange_.stop().reason()));
    for (const auto& choice : choices_) {
      if (choice->stream == nullptr) continue;
      ApiResult<std::optional<Piece>> piece = Advance(*choice);
      if (!piece) co_return std::unexpected(std::move(piece).error());
      if (*piece) pieces.push_back(std::move(**piece));
    }
    if (pieces.empty() && open_count_ > 0) {
      const bool is_notified = co_await event_->Wait(deadline);
      if (!is_notified) break;
    }
  }
  co_return std::move(pieces);
}

ApiResult<std::optional<Piece>> Generation::Advance(Choice& choice) {
  engine::TokenStream::Batch batch = choice.stream->Take();
  if (batch.tokens.empty() && !batch.finish) return std::nullopt;
  Piece piece;
  piece.choice = choice.index;
  choice.usage.completion_tokens += static_cast<std::int64_t>(batch.tokens.size());
  for (engine::TokenEvent& token : batch.tokens) {
    const std::string text = choice.detokenizer.Push(token.id);
    choice.made_bytes += text.size();
    piece.text += choice.matcher.Push(text);
    if (choice.matcher.has_stopped()) break;
    if (wants_logprobs_) choice.pending.push_back({std::move(token), choice.made_bytes});
  }
  if (choice.matcher.has_stopped()) {
    piece.finish = Finish::kStop;
    Close(choice);
  } else if (batch.finish) {
    choice.usage = batch.usage;
    switch (*batch.finish) {
      case engine::FinishReason::kStop:
        piece.finish = Finish::kStop;
        break;
      case engine::FinishReason::kLength:
        piece.finish = Finish::kLength;
        break;
      case engine::FinishReason::kDeadline:
        return FailApi(Reason::kDeadlineExceeded, "The answer took longer than its time limit.");
      case engine::FinishReason::kSlowReader:
        return FailApi(Reason::kSlowReader, "The answer was read too slowly and was cut off.");
      case engine::FinishReason::kCancelled:
        return FailApi(Reason::kDraining, "The engine is shutting down.");
      case engine::FinishReason::kError:
        return FailApi(Reason::kInternal, "The model failed on this request.");
    }
    const std::string rest = choice.detokenizer.Finish();
    choice.made_bytes += rest.size();
    piece.text += choice.matcher.Push(rest);
    piece.text += choice.matcher.Finish();
    Close(choice);
  }
  choice.shown_bytes += piece.text.size();
  while (!choice.pending.empty() && choice.pending.front().text_end <= choice.shown_bytes) {
    piece.tokens.push_back(std::move(choice.pending.front().event));
    choice.pending.pop_front();
  }
  if (piece.text.empty() && piece.tokens.empty() && !piece.finish) return std::nullopt;
  return piece;
}

void Generation::Close(Choice& choice) {
  choice.stream.reset();
  --open_count_;
}

engine::Usage Generation::usage() const {
  engine::Usage total;
  for (const auto& choice : choices_) {
    total.completion_tokens += choice->usage.completion_tokens;
    if (choice->index % answers_per_prompt_ != 0) continue;
    total.prompt_tokens += choice->usage.prompt_tokens;
    total.cached_tokens += choice->usage.cached_tokens;
  }
  return total;
}

}  // namespace holdfast::api
