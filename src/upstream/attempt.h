// Attempt: one call at one engine: connection, head, events; and what the engine's breaker and load
// learn from it. Dropping it closes the connection, so that the engine frees its work.
// Single-threaded: on the I/O thread of `executor`.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "http/client.h"
#include "http/sse.h"
#include "net/stop.h"
#include "upstream/delta.h"
#include "upstream/failure.h"
#include "upstream/remote_engine.h"
#include "upstream/request_body.h"

namespace holdfast::upstream {

class Attempt {
 public:
  using Part = std::expected<std::optional<Delta>, Failure>;

  // All must outlive it. `may_leave` is asked when the engine is lost while nothing of the answer
  // has been given out: whether the call has somewhere else to go.
  Attempt(RemoteEngine& engine, const PoolLimits& limits, net::Executor executor,
          net::StopSource& stop, std::function<bool()> may_leave);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Sends the call and reads the head. An answer that is not 2xx is a failure.
  net::Awaitable<std::expected<void, Failure>> Start(const Call& call, const RequestBody& body);
  // The next event, or the body; nullopt at the orderly end. Whether a failure counts is for the
  // caller to say, with Fail: it knows what the answer still lacked.
  net::Awaitable<Part> Next();
  bool is_stream() const { return is_stream_; }
  // The engine was asked for the usage so far in every event.
  bool asks_running_usage() const { return asks_running_usage_; }

  // Something of the answer is given out: the call stays here, come what may.
  void Commit() { loss_listener_->lost = nullptr; }
  // The answer is complete: the connection goes back, at once or when its last bytes have come.
  void Finish();
  void Fail(FailureKind kind) { Settle(kind); }
  Failure MakeFailure(FailureKind kind, Error cause) const;

 private:
  net::Awaitable<std::expected<void, Failure>> TryStart(const Call& call, const RequestBody& body);
  net::Awaitable<std::expected<void, Failure>> Connect(const http::ClientRequest& request);
  net::Awaitable<std::expected<void, Failure>> Judge(const Call& call);
  net::Awaitable<Failure> ReadRefusal();
  net::Awaitable<Part> NextWhole();
  void Cut(net::StopReason reason);
  std::unexpected<Failure> End(FailureKind kind, Error cause);
  std::unexpected<Failure> EndOf(const Error& error, FailureKind late);
  void Settle(std::optional<FailureKind> failure);

  RemoteEngine& engine_;
  const PoolLimits& limits_;
  const net::Executor executor_;
  net::StopSource& stop_;
  net::StopSource cut_;  // Of the caller's stop, or the loss of the engine.
  bool is_lost_ = false;
  bool is_settled_ = false;
  bool is_stream_ = false;
  bool asks_running_usage_ = false;
  bool has_ended_ = false;
  net::TimePoint head_deadline_;
  net::TimePoint total_deadline_;
  std::unique_ptr<http::ClientCall> call_;
  http::SseSplitter splitter_;
  std::shared_ptr<LossListener> loss_listener_;
  net::StopSource::Listener stop_listener_;  // Last: it refers to the rest.
};

}  // namespace holdfast::upstream
