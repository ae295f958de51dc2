#include "api/engine/generation.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "api/engine/engine_errors.h"
#include "api/engine/stop_matcher.h"
#include "api/limits.h"
#include "tokenizer/detokenizer.h"

namespace holdfast::api {

std::string_view FinishName(Finish finish) { return finish == Finish::kStop ? "stop" : "length"; }

namespace {

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

// One answer. Tokens wait in `pending` until the text that they complete is shown.
struct Generation::Choice {
  Choice(std::size_t index_in, const tokenizer::Tokenizer& tokenizer,
         const std::vector<std::string>& stops)
      : index(index_in), detokenizer(tokenizer), matcher(stops) {}

  struct PendingToken {
    ShownToken token;
    std::size_t text_end = 0;  // Bytes of text up to and with this token.
  };

  void Fetch();
  void Take(engine::TokenEvent event, bool wants_logprobs, Piece& piece);
  void TakeRest(Piece& piece);
  void Show(Piece& piece);

  std::size_t index;
  std::unique_ptr<engine::TokenStream> stream;  // Null once finished.
  tokenizer::Detokenizer detokenizer;
  StopMatcher matcher;
  std::deque<PendingToken> pending;
  std::size_t made_bytes = 0;
  std::size_t made_characters = 0;
  std::size_t shown_bytes = 0;
  engine::Usage usage;
  // What the engine has said and no piece has yet.
  std::deque<engine::TokenEvent> waiting;
  std::optional<engine::FinishReason> end;
  std::int64_t end_tokens = 0;  // All of the answer, with the one that ended it and has no text.
};

void Generation::Choice::Fetch() {
  engine::TokenStream::Batch batch = stream->Take();
  std::ranges::move(batch.tokens, std::back_inserter(waiting));
  usage.cached_tokens = batch.usage.cached_tokens;
  if (batch.finish) {
    end = batch.finish;
    end_tokens = batch.usage.completion_tokens;
  }
}

// One more token. Its text may have to wait for the next, or end the answer.
void Generation::Choice::Take(engine::TokenEvent event, bool wants_logprobs, Piece& piece) {
  ++usage.completion_tokens;
  const std::size_t text_offset = made_characters + (detokenizer.Breaks(event.id) ? 1 : 0);
  const std::string text = detokenizer.Push(event.id);
  made_bytes += text.size();
  made_characters += CountCharacters(text);
  piece.text += matcher.Push(text);
  if (!wants_logprobs || matcher.has_stopped()) return;
  pending.push_back({{std::move(event), text_offset}, made_bytes});
}

// The engine has ended the answer: what was held back is part of it.
void Generation::Choice::TakeRest(Piece& piece) {
  const std::string rest = detokenizer.Finish();
  made_bytes += rest.size();
  piece.text += matcher.Push(rest);
  piece.text += matcher.Finish();
}

void Generation::Choice::Show(Piece& piece) {
  shown_bytes += piece.text.size();
  while (!pending.empty() && pending.front().text_end <= shown_bytes) {
    piece.tokens.push_back(std::move(pending.front().token));
    pending.pop_front();
  }
}

Generation::Generation(const EngineService& service, http::Exchange& exchange)
    : service_(service),
      exchange_(exchange),
      event_(std::make_shared<net::Event>(exchange.executor())) {}

Generation::~Generation() = default;

namespace {

// One for each choice.
ApiResult<std::vector<engine::Request>> MakeRequests(const EngineService& service,
                                                     const GenerationSettings& settings,
                                                     const GenerationPlan& plan) {
  std::vector<engine::Request> requests;
  const auto deadline = std::chrono::steady_clock::now() + service.answer_time_max;
  for (const std::vector<engine::TokenId>& prompt : plan.prompts) {
    const std::int64_t room = service.context_max - static_cast<std::int64_t>(prompt.size());
    if (room < 1) return std::unexpected(ContextTooLong(prompt.size(), service.context_max));
    for (std::int64_t answer = 0; answer < settings.n; ++answer) {
      engine::Request request;
      request.prompt = prompt;
      request.max_tokens =
          std::min({settings.max_tokens.value_or(room), room, service.answer_tokens_max});
      request.sampling = settings.sampling;
      if (request.sampling.seed) *request.sampling.seed += static_cast<std::uint64_t>(answer);
      request.stop_ids = plan.stop_ids;
      request.caller = plan.caller;
      request.deadline = deadline;
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

// Refuses, before any work, an answer in one piece that could be larger than those may be.
ApiResult<void> CheckAnswerBytes(const EngineService& service, const GenerationSettings& settings,
                                 const std::vector<engine::Request>& requests,
                                 std::size_t echo_bytes) {
  if (settings.is_stream) return {};
  constexpr std::size_t kFrameBytes = 1024;  // Names and ids of the answer and of each choice.
  const std::int32_t top_logprobs = settings.sampling.top_logprobs;
  const std::size_t token_bytes = service.token_sizes.AnswerBytesMax(top_logprobs);
  std::size_t bytes = kFrameBytes + echo_bytes;
  std::int64_t tokens = 0;
  for (const engine::Request& request : requests) {
    tokens = std::max(tokens, request.max_tokens);
    bytes += kFrameBytes + static_cast<std::size_t>(request.max_tokens) * token_bytes;
  }
  if (bytes <= kAnswerBytesMax) return {};
  std::string wishes =
      fmt::format("{} answers ('n') of up to {} tokens ('max_tokens')", requests.size(), tokens);
  if (top_logprobs >= 0) {
    wishes +=
        fmt::format(" with 'logprobs' and the {} likeliest tokens ('top_logprobs')", top_logprobs);
  }
  return FailApi(
      Reason::kBadRequest,
      fmt::format("{} can have {} bytes, over the limit of {} for an answer in one piece: "
                  "ask for less of these, or for 'stream': true",
                  wishes, bytes, kAnswerBytesMax),
      top_logprobs >= 0 ? "top_logprobs" : "max_tokens");
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
  // The other half is for tokens whose text was held back.
  piece_tokens_max_ = std::max<std::size_t>(
      1, kEventBytesMax / 2 / service_.token_sizes.AnswerBytesMax(settings.sampling.top_logprobs));
  TRY_ASSIGN(std::vector<engine::Request> requests, MakeRequests(service_, settings, plan));
  TRY(CheckAnswerBytes(service_, settings, requests, plan.echo_bytes));
  auto streams = service_.engine.SubmitAll(std::move(requests));
  if (!streams) return std::unexpected(SubmitError(streams.error()));
  for (std::unique_ptr<engine::TokenStream>& stream : *streams) {
    const std::size_t prompt = choices_.size() / answers_per_prompt_;
    Open(std::move(stream), static_cast<std::int64_t>(plan.prompts[prompt].size()), settings.stop);
  }
  return {};
}

void Generation::Open(std::unique_ptr<engine::TokenStream> stream, std::int64_t prompt_tokens,
                      const std::vector<std::string>& stops) {
  choices_.push_back(std::make_unique<Choice>(choices_.size(), service_.tokenizer, stops));
  Choice& choice = *choices_.back();
  choice.usage.prompt_tokens = prompt_tokens;
  choice.stream = std::move(stream);
  choice.stream->SetNotify([event = event_] { net::Event::PostNotify(event); });
  ++open_count_;
}

net::Awaitable<ApiResult<std::vector<Piece>>> Generation::Next(net::TimePoint deadline) {
  std::vector<Piece> pieces;
  while (pieces.empty() && open_count_ > 0) {
    if (exchange_.stop().is_stopped()) {
      co_return std::unexpected(ToApiError(exchange_.stop().reason()));
    }
    for (const auto& choice : choices_) {
      if (choice->stream == nullptr) continue;
      ApiResult<std::optional<Piece>> piece = Advance(*choice);
      while (piece && !*piece && !choice->waiting.empty()) piece = Advance(*choice);
      if (!piece) co_return std::unexpected(std::move(piece).error());
      if (!*piece) continue;
      (*piece)->usage = usage();
      pieces.push_back(std::move(**piece));
    }
    if (pieces.empty() && open_count_ > 0) {
      const bool is_notified = co_await event_->Wait(deadline);
      if (!is_notified) break;
    }
  }
  co_return std::move(pieces);
}

// Whatever ends an answer, it goes this one way: text, usage, tokens, and only then the stream.
ApiResult<std::optional<Piece>> Generation::Advance(Choice& choice) {
  choice.Fetch();
  if (choice.waiting.empty() && !choice.end) return std::nullopt;
  Piece piece;
  piece.choice = choice.index;
  for (std::size_t i = 0; i < piece_tokens_max_ && !choice.waiting.empty(); ++i) {
    choice.Take(std::move(choice.waiting.front()), wants_logprobs_, piece);
    choice.waiting.pop_front();
    if (choice.matcher.has_stopped()) break;
  }
  if (choice.matcher.has_stopped()) {
    piece.finish = Finish::kStop;
  } else if (choice.waiting.empty() && choice.end) {
    TRY_ASSIGN(piece.finish, FinishOf(*choice.end));
    choice.usage.completion_tokens = choice.end_tokens;
    choice.TakeRest(piece);
  }
  choice.Show(piece);
  if (piece.finish) {
    choice.stream.reset();
    --open_count_;
  }
  if (piece.text.empty() && piece.tokens.empty() && !piece.finish) return std::nullopt;
  return piece;
}

ApiResult<Finish> Generation::FinishOf(engine::FinishReason reason) const {
  if (reason == engine::FinishReason::kStop) return Finish::kStop;
  if (reason == engine::FinishReason::kLength) return Finish::kLength;
  return std::unexpected(EndError(reason, exchange_.is_peer_gone()));
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
