#include "api/conversations/follow.h"

#include <utility>

#include "upstream/delta.h"

namespace holdfast::api {

net::Awaitable<ApiResult<void>> Follow(std::shared_ptr<LiveAnswer> answer,
                                       LiveAnswer::Cursor cursor, std::string first, Reply& reply) {
  const auto event = std::make_shared<net::Event>(reply.exchange().executor());
  CO_TRY_ASSIGN(const LiveAnswer::Reader reader, LiveAnswer::Join(answer, event));
  const net::StopSource::Listener stopped = reply.stop().OnStop([event] { event->Notify(); });
  CO_TRY(co_await reply.BeginEvents());
  if (!first.empty()) CO_TRY(co_await reply.Events(first));
  while (true) {
    if (reply.stop().is_stopped()) {
      co_return std::unexpected(ToApiError(reply.stop().reason()));
    }
    const LiveAnswer::Taken taken = answer->Take(cursor);
    if (taken.is_behind) {
      co_return FailApi(Reason::kSlowReader, "The answer was read too slowly; read it again.");
    }
    if (!taken.events.empty()) CO_TRY(co_await reply.Events(taken.events));
    if (taken.is_over) break;
    if (!taken.events.empty()) continue;
    if (!co_await event->Wait(net::Clock::now() + kFollowSilenceMax)) {
      CO_TRY(co_await reply.KeepAlive());
    }
  }
  if (std::optional<ApiError> failure = answer->failure()) {
    co_return std::unexpected(std::move(*failure));
  }
  CO_TRY(co_await reply.Events(upstream::DoneDelta().raw));
  co_return co_await reply.End();
}

}  // namespace holdfast::api
