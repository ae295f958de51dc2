#include "api/openai/event_relay.h"

#include <string>
#include <utility>

#include "api/openai/answer_call.h"
#include "api/reply.h"
#include "net/event.h"
#include "net/spawn.h"

namespace holdfast::api {
namespace {

// Between who reads the engine and who writes to the client. Lives in the writer's frame, which
// ends last.
struct ReadAhead {
  explicit ReadAhead(const net::Executor& executor)
      : arrived(executor), taken(executor), ended(executor) {}

  std::string events;           // Whole ones, for the writer.
  bool is_writer_idle = false;  // It has begun the stream and has nothing to write.
  bool has_unsent = false;      // The reply holds the rest of an event.
  bool is_over = false;
  std::optional<ApiError> failure;
  bool is_abandoned = false;  // The writer takes no more.
  net::Event arrived;
  net::Event taken;
  net::Event ended;
};

// Straight to a client that has taken all so far, without waking the writer.
void Pass(std::string_view events, Reply& reply, ReadAhead& ahead) {
  if (ahead.is_writer_idle) {
    if (reply.EventsNow(events)) return;
    ahead.is_writer_idle = false;
    ahead.has_unsent = true;
  } else {
    ahead.events += events;
  }
  ahead.arrived.Notify();
}

net::Awaitable<std::optional<ApiError>> ReadEngine(upstream::AnswerStream& answer, Reply& reply,
                                                   Progress& progress, ReadAhead& ahead) {
  while (!ahead.is_abandoned) {
    const upstream::AnswerStream::Part part = co_await answer.Next();
    if (!part) co_return ToApiError(part.error());
    if (!*part) break;
    const upstream::Delta& delta = **part;
    progress.OnTokens(static_cast<std::int64_t>(delta.text_count), CountsOf(delta));
    // Before the client can know of the end: it may ask again at once, and what it held is free.
    if (delta.is_done) ReportUsage(answer, progress);
    if (delta.is_for_client) Pass(delta.raw, reply, ahead);
    while (ahead.events.size() > kReadAheadBytesMax && !ahead.is_abandoned) {
      co_await ahead.taken.Wait(net::kNoDeadline);
    }
  }
  co_return std::nullopt;
}

net::Awaitable<void> ReadToEnd(upstream::AnswerStream& answer, Reply& reply, Progress& progress,
                               ReadAhead& ahead) {
  ahead.failure = co_await ReadEngine(answer, reply, progress, ahead);
  ahead.is_over = true;
  ahead.arrived.Notify();
  ahead.ended.Notify();
}

// The head waits for the first event: a failure before it is still told by its status, which
// clients try again at.
net::Awaitable<ApiResult<void>> WriteToClient(Reply& reply, ReadAhead& ahead) {
  bool has_begun = false;
  while (true) {
    ahead.is_writer_idle = false;
    if (!ahead.events.empty() || std::exchange(ahead.has_unsent, false)) {
      CO_TRY(co_await reply.BeginEvents());
      has_begun = true;
      const std::string events = std::exchange(ahead.events, {});
      ahead.taken.Notify();
      CO_TRY(co_await reply.Events(events));
    } else if (ahead.is_over) {
      break;
    } else {
      ahead.is_writer_idle = has_begun;
      co_await ahead.arrived.Wait(net::kNoDeadline);
    }
  }
  if (ahead.failure) co_return std::unexpected(*ahead.failure);
  CO_TRY(co_await reply.BeginEvents());
  co_return co_await reply.End();
}

}  // namespace

net::Awaitable<ApiResult<void>> RelayEvents(upstream::AnswerStream& answer, Reply& reply,
                                            Progress& progress) {
  ReadAhead ahead(reply.exchange().executor());
  net::Spawn(reply.exchange().executor(), ReadToEnd(answer, reply, progress, ahead));
  const ApiResult<void> written = co_await WriteToClient(reply, ahead);
  // A client that is lost has stopped the request, which ends the engine's stream.
  ahead.is_abandoned = true;
  ahead.taken.Notify();
  if (!ahead.is_over) reply.stop().Stop(net::StopReason::kClientLeft);
  while (!ahead.is_over) co_await ahead.ended.Wait(net::kNoDeadline);
  co_return written;
}

}  // namespace holdfast::api
