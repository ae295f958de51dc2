#include "api/conversations/answer_run.h"

#include <utility>

#include "api/openai/answer_call.h"
#include "base/log.h"
#include "net/spawn.h"

namespace holdfast::api {
namespace {

using conversations::AnswerEnd;
using conversations::AnswerPart;
using conversations::MessageState;

// Of the message, when the database does not answer; then it stays as it was journaled, and the
// next start finds it.
constexpr int kKeepTriesMax = 3;
constexpr std::chrono::milliseconds kKeepPause{1'000};

// What the one choice gained.
struct Gain {
  std::string text;
  std::string reasoning;
};

Result<Gain> GainOf(const upstream::Delta& delta) {
  Gain gain;
  if (delta.text_count == 0) return gain;
  TRY_ASSIGN(const std::vector<upstream::ChoiceDelta> choices, delta.Choices());
  for (const upstream::ChoiceDelta& choice : choices) {
    if (choice.index != 0) continue;
    gain.text += choice.text;
    gain.reasoning += choice.reasoning;
  }
  return gain;
}

}  // namespace

ApiResult<std::shared_ptr<LiveAnswer>> AnswerRun::Announce(const net::Executor& executor,
                                                           std::string content,
                                                           std::string reasoning) {
  const auto ask_to_stop = [executor, stop = stop_] {
    net::Post(executor, [stop] { stop->Stop(net::StopReason::kClientLeft); });
  };
  live_ = std::make_shared<LiveAnswer>(
      AnswerIds{running_.account_id, running_.conversation_id, running_.message_id},
      std::move(content), std::move(reasoning), ask_to_stop);
  TRY(service_.hub.Add(live_));
  return live_;
}

net::Awaitable<void> AnswerRun::Write() {
  stop_->StopAt(net::Clock::now() + service_.rules.answer_time_max);
  std::optional<ApiError> failure = co_await ReadEngine();
  if (failure) progress_.OnCut();
  if (live_->is_stop_asked()) {
    failure = std::nullopt;
    if (service_.hub.is_stopped()) failure = ToApiError(Reason::kDraining);
  }
  co_await Keep(failure);
  // After the message is in the history, so that a reader who comes now finds it there.
  live_->End(std::move(failure));
  service_.hub.Remove(*live_);
  is_over_ = true;
  ended_.Notify();
}

net::Awaitable<void> AnswerRun::WaitForEnd() {
  while (!is_over_) co_await ended_.Wait(net::kNoDeadline);
}

net::Awaitable<std::optional<ApiError>> AnswerRun::ReadEngine() {
  auto opened = co_await service_.engines.Open(std::move(call_), *stop_);
  if (!opened) co_return ToApiError(opened.error());
  upstream::AnswerStream& answer = **opened;
  std::optional<ApiError> failure;
  while (!failure) {
    const upstream::AnswerStream::Part part = co_await answer.Next();
    if (!part) {
      failure = ToApiError(part.error());
    } else if (!*part) {
      break;
    } else {
      failure = co_await Take(**part);
    }
  }
  // Also of one that was stopped: its tokens were made and are to be accounted for.
  ReportUsage(answer, progress_);
  // A piece may be several tokens; of some engines only now is it known how many they were.
  batch_.Add("", "", progress_.output_tokens() - counted_, service_.now_ms());
  co_return failure;
}

net::Awaitable<std::optional<ApiError>> AnswerRun::Take(const upstream::Delta& delta) {
  const Result<Gain> gain = GainOf(delta);
  if (!gain) co_return ToApiError(Reason::kUpstreamDown);
  progress_.OnTokens(static_cast<std::int64_t>(delta.text_count), CountsOf(delta));
  const std::int64_t tokens = progress_.output_tokens() - counted_;
  counted_ += tokens;
  if (delta.is_for_client && !delta.is_done && !delta.is_comment) {
    live_->Publish(delta.raw, gain->text, gain->reasoning, tokens);
  }
  const std::int64_t now_ms = service_.now_ms();
  batch_.Add(gain->text, gain->reasoning, tokens, now_ms);
  if (!batch_.is_due(now_ms)) co_return std::nullopt;
  const AnswerPart part = batch_.Take();
  const ApiResult<void> appended = co_await service_.Do([this, &part] {
    return service_.With(running_.conversation_id, [this, &part](auto&, auto& journal) {
      return journal.Append(running_, part);
    });
  });
  if (appended) co_return std::nullopt;
  co_return appended.error();
}

AnswerEnd AnswerRun::EndOf(const std::optional<ApiError>& failure) {
  AnswerEnd end{.state = MessageState::kDone, .last = batch_.Take()};
  if (failure) {
    const bool is_ours = failure->reason == Reason::kDraining;
    end.state = is_ours ? MessageState::kInterrupted : MessageState::kFailed;
    end.reason = std::string(Word(failure->reason));
  } else if (live_->is_stop_asked()) {
    end.state = MessageState::kStopped;
  }
  return end;
}

net::Awaitable<void> AnswerRun::Keep(std::optional<ApiError> failure) {
  const AnswerEnd end = EndOf(failure);
  for (int i = 1;; ++i) {
    const auto kept = co_await service_.Do([this, &end] {
      return service_.With(running_.conversation_id, [this, &end](auto&, auto& journal) {
        return journal.Finish(running_, end);
      });
    });
    if (kept) co_return;
    // Deleted meanwhile: there is nothing to keep.
    if (kept.error().reason == Reason::kNotFound) co_return;
    if (i == kKeepTriesMax || service_.hub.is_stopped()) {
      log::warn("an answer could not be kept: {}", Word(kept.error().reason));
      co_return;
    }
    net::Event pause(co_await net::CurrentExecutor());
    co_await pause.Wait(net::Clock::now() + kKeepPause);
  }
}

}  // namespace holdfast::api
