// Those who hold connections: by a head or a body that does not end, or by nothing at all.
#include <string>

#include "rehearsal/callers.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kBodyBytes = 100'000;

std::string FirstBytes(const Visit& visit) {
  const std::string host = visit.stage->TargetOf(*visit.group).ToString();
  switch (visit.group->kind) {
    case GroupKind::kSlowHead:
      return fmt::format("GET / HTTP/1.1\r\nHost: {}\r\nX-A: ", host);
    case GroupKind::kSlowBody:
      return fmt::format(
          "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
          "Content-Length: {}\r\n\r\n{{\"model\":\"",
          host, kBodyBytes);
    default:
      return {};
  }
}

// What came before the connection was closed: a status, if anything.
net::Awaitable<int> ReadStatus(net::Stream& stream) {
  std::string bytes;
  constexpr std::size_t kBytesMax = 4'096;
  const Result<std::size_t> count = co_await stream.AppendSome(bytes, kBytesMax);
  constexpr std::string_view kBegin = "HTTP/1.1 ";
  if (!count || !bytes.starts_with(kBegin) || bytes.size() < kBegin.size() + 3) co_return 0;
  co_return std::atoi(bytes.substr(kBegin.size(), 3).c_str());
}

// Holds it until the caller has had enough; true: the service ended it first.
net::Awaitable<bool> Hold(const Visit& visit, net::Stream& stream, Micros end) {
  Stage& stage = *visit.stage;
  const std::string first = FirstBytes(visit);
  if (!first.empty() && !co_await stream.WriteAll(first)) co_return true;
  const Micros interval = static_cast<Micros>(visit.group->interval_s * 1e6);
  while (stage.Now() < end && stage.Now() < static_cast<Micros>(stage.plan().seconds * 1e6)) {
    co_await stage.SleepUntil(std::min(stage.Now() + interval, end));
    if (!stream.IsQuiet()) co_return true;
    if (!first.empty() && !co_await stream.WriteAll("a")) co_return true;
  }
  co_return false;
}

}  // namespace

net::Awaitable<void> RunHolder(const Visit& visit) {
  Stage& stage = *visit.stage;
  const Caller caller = MakeCaller(visit);
  Attempt attempt;
  attempt.group = caller.number;
  attempt.client = caller.client;
  attempt.wish = stage.NextWish();
  attempt.act = Act::kHold;
  attempt.due = visit.due;
  attempt.begun = stage.Now();
  attempt.end = End::kUnsent;
  if (stage.HasRoom()) {
    const Stage::Opening opening(stage);
    Result<std::unique_ptr<net::Stream>> stream = co_await Connect(stage, caller);
    if (!stream) {
      attempt.end = End::kFailed;
      attempt.reason = ErrorCodeName(stream.error().code);
    } else {
      const Micros end = attempt.begun + static_cast<Micros>(visit.group->hold_s * 1e6);
      const bool was_ended = co_await Hold(visit, **stream, end);
      attempt.end = was_ended ? End::kRefused : End::kLeft;
      if (was_ended) attempt.status = co_await ReadStatus(**stream);
      (*stream)->Close();
    }
  }
  attempt.ended = stage.Now();
  stage.Note(attempt);
}

}  // namespace holdfast::rehearsal
