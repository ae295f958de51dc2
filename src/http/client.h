// ClientCall: one HTTP/1.1 request to a server of ours or a foreign one, over a connection of its
// own, TCP or Unix; the answer's body comes in parts as it arrives. Dropping it closes the
// connection, which is how a caller cancels. Single-threaded.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "net/connection.h"
#include "net/endpoint.h"

namespace holdfast::http {

struct ClientRequest {
  Method method = Method::kGet;
  std::string target;  // "/v1/models?x=1"
  std::vector<Header> headers;
  std::string body;
};

struct ClientLimits {
  std::chrono::milliseconds connect_time_max{2'000};
  std::size_t head_bytes_max = 64 << 10;
};

class ClientCall {
 public:
  explicit ClientCall(const ClientLimits& limits = {});
  ~ClientCall();
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;

  // Sends the request and reads the answer's head, once. Errors: kUnavailable (nobody listens, or
  // it hung up before it answered), kDeadlineExceeded, kCorrupt (not HTTP), kCancelled (closed).
  net::Awaitable<Result<void>> Start(const net::Endpoint& endpoint, const ClientRequest& request,
                                     net::TimePoint head_deadline);

  const ResponseHead& head() const { return head_; }
  // The next part of the body; empty at its end. Errors: kUnavailable (cut off before its end),
  // kDeadlineExceeded (may be called again), kCorrupt.
  net::Awaitable<Result<std::string>> ReadPart(net::TimePoint deadline);
  // The whole rest. Also kTooLarge.
  net::Awaitable<Result<std::string>> ReadAll(std::size_t bytes_max, net::TimePoint deadline);
  // Ends what is under way, which then fails, and what comes.
  void Close();

 private:
  struct Parser;
  void NewParser();
  net::Awaitable<Result<void>> ReadHead(net::TimePoint deadline);

  const ClientLimits limits_;
  bool is_closed_ = false;
  std::shared_ptr<net::Connection> connection_;  // Null until connected.
  std::unique_ptr<Parser> parser_;
  ResponseHead head_;
};

}  // namespace holdfast::http
