// AnswerRun: the writing of one answer, from the call to an engine to the message in the history.
// It depends on no reader. Every event goes to the LiveAnswer as it comes; what it says goes to the
// journal batch by batch.
//
// Belongs to the coroutine of the request that asked, which waits for its end, also when its client
// has left: what the request holds (the guard's ticket, the place among the connections) is held as
// long as the engine works. Single-threaded: on that request's I/O thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/call.h"
#include "api/conversations/live_answer.h"
#include "api/conversations/service.h"
#include "net/event.h"
#include "net/stop.h"
#include "upstream/pool.h"

namespace holdfast::api {

class AnswerRun {
 public:
  AnswerRun(ConversationService& service, const net::Executor& executor, upstream::Call call,
            conversations::RunningAnswer running, Progress& progress)
      : service_(service),
        call_(std::move(call)),
        running_(std::move(running)),
        progress_(progress),
        stop_(std::make_shared<net::StopSource>(executor)),
        ended_(executor) {}

  // What readers follow. `content` and `reasoning`: what it has already. Errors: those of the hub.
  ApiResult<std::shared_ptr<LiveAnswer>> Announce(const net::Executor& executor,
                                                  std::string content, std::string reasoning);

  // Instead of writing it: the answer is kept as one that failed.
  net::Awaitable<void> GiveUp(const ApiError& failure) { return Keep(failure); }
  // Spawn it beside the request, and await WaitForEnd.
  net::Awaitable<void> Write();
  net::Awaitable<void> WaitForEnd();

  // The process ends, or the time of the request is over. A client that leaves is no reason.
  void Stop(net::StopReason reason) { stop_->Stop(reason); }

 private:
  net::Awaitable<std::optional<ApiError>> ReadEngine();
  net::Awaitable<std::optional<ApiError>> Take(const upstream::Delta& delta);
  net::Awaitable<void> Keep(std::optional<ApiError> failure);
  conversations::AnswerEnd EndOf(const std::optional<ApiError>& failure);

  ConversationService& service_;
  upstream::Call call_;
  conversations::RunningAnswer running_;
  Progress& progress_;
  // Shared with a stop that is on its way from another thread.
  std::shared_ptr<net::StopSource> stop_;
  net::Event ended_;
  bool is_over_ = false;
  std::shared_ptr<LiveAnswer> live_;
  conversations::AnswerBatch batch_;
  std::int64_t counted_ = 0;  // Tokens of this answer that are in the batches.
};

}  // namespace holdfast::api
