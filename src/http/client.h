// ClientCall: one HTTP/1.1 request to a server of ours or a foreign one; the answer's body comes in
// parts as it arrives. The connection is the call's own, or one that an earlier call left in a
// state to go on with. Dropping the call closes it, which is how a caller cancels. Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "net/endpoint.h"
#include "net/stop.h"
#include "net/stream.h"
#include "net/watchdog.h"

namespace holdfast::http {

struct ClientRequest {
  Method method = Method::kGet;
  std::string target;  // "/v1/models?x=1"
  std::string host;    // For the Host header; empty: the endpoint's.
  std::vector<Header> headers;
  std::string body;
  // Sent after `body`; borrowed until Start returns.
  std::vector<std::string_view> more_body;
  bool keeps_alive = false;  // Asks the server to leave the connection open.
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

  // Connects, sends the request and reads the answer's head, once. Errors: as net::Dial, and
  // kUnavailable (it hung up before it answered), kDeadlineExceeded, kCorrupt (not HTTP), kTooLarge
  // (the head), kCancelled (closed).
  net::Awaitable<Result<void>> Start(const net::Endpoint& endpoint, const ClientRequest& request,
                                     net::TimePoint head_deadline);
  // The same over a connection that is there; `request` names its host.
  net::Awaitable<Result<void>> StartOn(std::unique_ptr<net::Stream> stream,
                                       const ClientRequest& request, net::TimePoint head_deadline);

  const ResponseHead& head() const { return head_; }
  // A byte of an answer has come.
  bool has_answered() const { return has_answered_; }
  // The next part of the body; empty at its end. Errors: kUnavailable (cut off before its end, by a
  // reset too where only the connection's end ends the body), kDeadlineExceeded (the connection is
  // closed now), kCorrupt, kCancelled.
  net::Awaitable<Result<std::string>> ReadPart(net::TimePoint deadline);
  // The whole rest. Also kTooLarge.
  net::Awaitable<Result<std::string>> ReadAll(std::size_t bytes_max, net::TimePoint deadline);
  // The body has been read to its end.
  bool is_done() const;
  // The connection, for the next call; null when the answer is not done, or ends the connection.
  std::unique_ptr<net::Stream> TakeStream();
  // Ends what is under way, which then fails, and what comes.
  void Close();

 private:
  struct Parser;
  void NewParser();
  net::Awaitable<Result<void>> Send(const ClientRequest& request);
  net::Awaitable<Result<void>> ReadHead(net::TimePoint deadline);
  net::Awaitable<Result<bool>> Fill(net::TimePoint deadline);
  Error WhyItEnded(Error cause) const;

  const ClientLimits limits_;
  bool is_closed_ = false;
  bool has_answered_ = false;
  std::optional<net::StopSource> dial_stop_;
  std::unique_ptr<net::Stream> stream_;  // Null until connected, and when taken.
  std::unique_ptr<net::Watchdog> watchdog_;
  std::vector<char> buffer_;  // [begin_, end_) is unread.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<Parser> parser_;
  std::optional<Error> malformed_;  // Of the body.
  ResponseHead head_;
};

}  // namespace holdfast::http
