#include "upstream/answer_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace holdfast::upstream {
namespace {

// Openings held back; a stream with more of them is given out as it comes.
constexpr std::size_t kHeldMax = 32;

// Why another gateway, as an engine of ours, does not serve what another engine may.
constexpr Reason kPassing[] = {
    Reason::kQueueFull,          Reason::kDraining,    Reason::kShed,
    Reason::kSignedInOnly,       Reason::kHistoryOnly, Reason::kDeadlineExceeded,
    Reason::kDeadlineUnreachable};

}  // namespace

AnswerStream::State::State(EngineSet& engines, Call call, net::StopSource& stop,
                           net::Executor executor)
    : engines_(engines),
      call_(std::move(call)),
      body_(call_.body, call_.wants_stream),
      stop_(stop),
      executor_(std::move(executor)) {}

bool AnswerStream::State::MayMoveOn(const Failure& failure) const {
  if (has_begun_ || stop_.is_stopped()) return false;
  return (IsEngineFault(failure.kind) || failure.kind == FailureKind::kBusy) &&
         tried_.size() < engines_.limits.engines_tried_max &&
         broken_count_ < engines_.limits.engines_broken_max;
}

// Of a call that no engine may take: because of what was tried, or what is there.
Failure AnswerStream::State::NobodyLeft() const {
  if (last_failure_) return *last_failure_;
  Failure failure;
  failure.kind = FailureKind::kNoModel;
  failure.cause = MakeError(ErrorCode::kNotFound, "no engine serves the model");
  for (const auto& engine : engines_.engines) {
    if (!engine->Serves(call_.model).value_or(true)) continue;
    failure.kind = FailureKind::kUnreachable;
    failure.engine = engine->spec().name;
    failure.cause = MakeError(ErrorCode::kUnavailable, "no engine of the model takes calls");
  }
  return failure;
}

net::Awaitable<std::expected<void, Failure>> AnswerStream::State::Advance() {
  while (true) {
    const std::optional<std::size_t> chosen = engines_.Choose(call_, tried_, net::Clock::now());
    if (!chosen) co_return std::unexpected(NobodyLeft());
    if (!tried_.empty()) engines_.engines[*chosen]->CountRetry();
    attempt_.reset();
    tried_.push_back(*chosen);
    attempt_ = std::make_unique<Attempt>(
        *engines_.engines[*chosen], engines_.limits, executor_, stop_,
        [this] { return engines_.HasOther(call_, tried_, net::Clock::now()); });
    const std::expected<void, Failure> started = co_await attempt_->Start(call_, body_);
    if (started) co_return std::expected<void, Failure>();
    last_failure_ = started.error();
    if (started.error().kind == FailureKind::kBroken) ++broken_count_;
    if (!MayMoveOn(started.error())) co_return std::unexpected(started.error());
  }
}

// Everything that the attempt before gave is as if it had not been.
void AnswerStream::State::Forget() {
  pending_.clear();
  held_.clear();
  choices_seen_ = choices_finished_ = text_count_ = 0;
  usage_ = {};
}

void AnswerStream::State::Note(Delta& delta) {
  choices_seen_ |= delta.choice_bits;
  for (const ChoiceFinish& finish : delta.finishes) choices_finished_ |= ChoiceBit(finish.index);
  text_count_ += delta.text_count;
  if (delta.usage) usage_ = *delta.usage;
  if (delta.is_usage_only) {
    delta.is_for_client = body_.client_wants_usage();
  } else if (attempt_->asks_running_usage() && !body_.client_wants_running_usage()) {
    delta.HideUsage(/*leaves_null=*/body_.client_wants_usage());
  }
  if (attempt_->is_stream()) engines_.engines[tried_.back()]->AddTokens(delta.text_count);
}

// A whole answer is one delta: its tokens are counted by its length where the engine does not say.
void AnswerStream::State::NoteWhole(const Delta& delta) {
  constexpr std::size_t kBytesPerToken = 4;
  if (!usage_.completion) {
    std::size_t bytes = 0;
    const Result<std::vector<ChoiceDelta>> choices = delta.Choices();
    if (choices) {
      for (const ChoiceDelta& choice : *choices) {
        bytes += choice.text.size() + choice.reasoning.size();
      }
    }
    text_count_ = (bytes + kBytesPerToken - 1) / kBytesPerToken;
  }
  const std::int64_t tokens = usage_.completion.value_or(static_cast<std::int64_t>(text_count_));
  constexpr std::int64_t kTokensMax = 10'000'000;
  engines_.engines[tried_.back()]->AddTokens(
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(tokens, 0, kTokensMax)));
}

void AnswerStream::State::EstimateUsage() {
  if (usage_.completion) return;
  usage_.completion = static_cast<std::int64_t>(text_count_);
  usage_.is_estimated = true;
}

// An event that says what went wrong. Whose fault it is shows in its words.
Failure AnswerStream::State::ReadFailure(const Delta& delta) {
  const EngineError& error = *delta.error;
  FailureKind kind = FailureKind::kError;
  const std::optional<Reason> own = FindReason(error.reason);
  if (own && Info(*own).side == Side::kClient) kind = FailureKind::kRefused;
  if (own && std::ranges::find(kPassing, *own) != std::end(kPassing)) kind = FailureKind::kBusy;
  if (!own && (error.type == "invalid_request_error" || error.code == "400")) {
    kind = FailureKind::kRefused;
  }
  Failure failure = attempt_->MakeFailure(
      kind, MakeError(ErrorCode::kUnavailable, "the engine ends its answer with an error"));
  failure.error = error;
  return failure;
}

Delta AnswerStream::State::TakePending() {
  Delta first = std::move(pending_.front());
  pending_.pop_front();
  return first;
}

net::Awaitable<AnswerStream::Part> AnswerStream::State::Next() {
  if (!pending_.empty()) co_return TakePending();
  while (!is_over_) {
    Part part = co_await attempt_->Next();
    if (!part || !*part) {
      std::optional<Failure> failure;
      if (!part) failure = std::move(part.error());
      Part end = co_await AtEnd(std::move(failure));
      if (end && !*end && !is_over_) continue;  // On with another engine.
      co_return end;
    }
    Delta& delta = **part;
    if (delta.is_comment) co_return part;
    if (delta.error) {
      Part end = co_await AtEnd(ReadFailure(delta));
      if (end && !*end && !is_over_) continue;
      co_return end;
    }
    Note(delta);
    if (!attempt_->is_stream()) NoteWhole(delta);
    // The opening says nothing yet: while it is kept, another engine can still take over.
    if (delta.is_opening && !has_begun_ && held_.size() < kHeldMax) {
      held_.push_back(std::move(delta));
      continue;
    }
    if (delta.is_done) {
      is_over_ = true;
      EstimateUsage();
      attempt_->Finish();
    }
    if (has_begun_) co_return part;
    has_begun_ = true;
    attempt_->Commit();
    for (Delta& held : held_) pending_.push_back(std::move(held));
    held_.clear();
    pending_.push_back(std::move(delta));
    co_return TakePending();
  }
  co_return std::nullopt;
}

// The attempt gives no more. nullopt, and not over: another engine has taken the call.
net::Awaitable<AnswerStream::Part> AnswerStream::State::AtEnd(std::optional<Failure> failure) {
  const bool is_finished = choices_seen_ != 0 && choices_seen_ == choices_finished_;
  const bool is_stopped = stop_.is_stopped();
  if (!attempt_->is_stream() && !failure) {
    is_over_ = true;
    EstimateUsage();
    attempt_->Finish();
    co_return std::nullopt;
  }
  // Some engines end without "[DONE]", in good order or not: what was asked for is all there.
  if (is_finished && !is_stopped && (!failure || failure->kind == FailureKind::kBroken)) {
    is_over_ = true;
    EstimateUsage();
    attempt_->Finish();
    co_return DoneDelta();
  }
  if (!failure) {
    failure = attempt_->MakeFailure(
        FailureKind::kBroken,
        MakeError(ErrorCode::kUnavailable, "the stream ended without the answer's end"));
  }
  attempt_->Fail(failure->kind);
  failure->has_begun = has_begun_;
  if (failure->kind == FailureKind::kBroken) ++broken_count_;
  if (MayMoveOn(*failure)) {
    last_failure_ = *failure;
    Forget();
    const std::expected<void, Failure> advanced = co_await Advance();
    if (advanced) co_return std::nullopt;
    failure = advanced.error();
  }
  is_over_ = true;
  co_return std::unexpected(std::move(*failure));
}

}  // namespace holdfast::upstream
