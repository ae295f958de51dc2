// RequestReader: reads one connection's requests, head and body apart, under limits of size, count
// and time. Whatever breaks HTTP/1.1 (RFC 9110, 9112) becomes a Refusal with the right status; no
// byte of a refused request is looked at again. Belongs to the coroutine that serves the
// connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/message.h"
#include "http/repeats.h"
#include "net/byte_budget.h"
#include "net/connection.h"

namespace holdfast::http {

// How far a connection has come with its request.
enum class ReadPhase : std::uint8_t { kIdle, kHead, kHeadDone, kBody, kDone };

class RequestReader {
 public:
  // The connection must outlive this. Without a budget, bodies have no limit but their own.
  RequestReader(net::Connection& connection, const HeadLimits& limits,
                std::shared_ptr<net::ByteBudget> bodies = nullptr);
  ~RequestReader();

  // Until the next request begins. Refusal 0 when the peer closes, or stays silent between
  // requests.
  net::Awaitable<std::expected<void, Refusal>> WaitForRequest();
  // Its head, which has begun. Refusal 0 when the peer closes.
  net::Awaitable<std::expected<RequestHead, Refusal>> ReadHead();
  // Passes over the whole request, which is the last one again; of its body, what is here.
  void PassRepeat();
  Repeats& repeats() { return repeats_; }
  // The current request's body. Sends "100 Continue" first when the head asks for it. What it
  // holds of the budget goes back when the next head is read. Refusal 503 with kBodiesFull: there
  // was no room in time.
  net::Awaitable<std::expected<std::string, Refusal>> ReadBody(const BodyLimits& limits);
  // Nobody wants the body: what is left of it is passed over when the next head is read. False: it
  // is longer than kDroppedBytesMax, or of unknown length, or on its way only once it is asked for.
  bool DropBody();
  static constexpr std::uint64_t kDroppedBytesMax = 64 << 10;
  // Nothing of the current request is unread.
  bool is_body_done() const { return phase_ == ReadPhase::kIdle || phase_ == ReadPhase::kDone; }
  // Waiting for the first byte of a request, or for what nobody wants of the one before.
  bool is_idle() const { return phase_ == ReadPhase::kIdle || dropped_bytes_ > 0; }
  ReadPhase phase() const { return phase_; }
  // The time of the head or the body was over before it was whole.
  bool is_out_of_time() const { return is_out_of_time_; }

 private:
  struct Parser;
  net::Awaitable<std::expected<void, Refusal>> PassDropped();
  net::Awaitable<std::expected<void, Refusal>> ParseHead();
  std::expected<RequestHead, Refusal> TakeHead();
  void PassBody(std::uint64_t bytes);
  void FinishRequest();
  net::Awaitable<std::expected<void, Refusal>> ParseBody(const BodyLimits& limits);
  net::Awaitable<bool> MakeRoom(const BodyLimits& limits, net::TimePoint deadline);

  net::Connection& connection_;
  const HeadLimits limits_;
  const std::shared_ptr<net::ByteBudget> bodies_;
  std::optional<net::ByteBudget::Lease> lease_;
  Repeats repeats_;
  std::unique_ptr<Parser> parser_;  // Null unless the phase is kHead, kHeadDone or kBody.
  ReadPhase phase_ = ReadPhase::kIdle;
  std::uint64_t dropped_bytes_ = 0;  // Of a body that nobody wants, and that is still to come.
  bool is_repeat_over_ = false;      // The last request was passed over.
  bool expects_continue_ = false;
  bool is_out_of_time_ = false;
};

}  // namespace holdfast::http
