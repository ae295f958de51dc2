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
  // Sends the request and reads the answer's head. Errors: kUnavailable (nobody listens, or it
  // hung up before it answered), kDeadlineExceeded, kCorrupt (not HTTP), kCancelled.
  static net::Awaitable<Result<std::unique_ptr<ClientCall>>> Start(const net::Endpoint& endpoint,
                                                                   const ClientRequest& request,
                                                                   net::TimePoint head_deadline,
                                                                   const ClientLimits& limits);
  ~ClientCall();

  const ResponseHead& head() const { return head_; }
  // The next part of the body; empty at its end. Errors: kUnavailable (cut off before its end),
  // kDeadlineExceeded (may be called again), kCorrupt.
  net::Awaitable<Result<std::string>> ReadPart(net::TimePoint deadline);
  // The whole rest. Also kTooLarge.
  net::Awaitable<Result<std::string>> ReadAll(std::size_t bytes_max, net::TimePoint deadline);
  // Ends a read under way, which then fails.
  void Close();

 private:
  struct Parser;
  explicit ClientCall(std::shared_ptr<net::Connection> connection);
  net::Awaitable<Result<void>> ReadHead(net::TimePoint deadline, std::size_t head_bytes_max);

  std::shared_ptr<net::Connection> connection_;
  std::unique_ptr<Parser> parser_;
  ResponseHead head_;
};

}  // namespace holdfast::http
