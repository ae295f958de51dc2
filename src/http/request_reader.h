// RequestReader: reads one connection's requests, head and body apart, under limits of size, count
// and time. Whatever breaks HTTP/1.1 (RFC 9110, 9112) becomes a Refusal with the right status; no
// byte of a refused request is looked at again. Belongs to the coroutine that serves the
// connection.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"
#include "net/connection.h"

namespace holdfast::http {

class RequestReader {
 public:
  // The connection must outlive this.
  RequestReader(net::Connection& connection, const HeadLimits& limits);
  ~RequestReader();

  // The next request's head. Refusal 0 when the peer closes, or stays silent between requests.
  net::Awaitable<std::expected<RequestHead, Refusal>> ReadHead();
  // The current request's body. Sends "100 Continue" first when the head asks for it.
  net::Awaitable<std::expected<std::string, Refusal>> ReadBody(const BodyLimits& limits);
  // Nothing of the current request is unread.
  bool is_body_done() const;
  // Waiting for the first byte of a request.
  bool is_idle() const { return is_idle_; }

 private:
  struct Parser;
  net::Awaitable<std::expected<void, Refusal>> WaitFirstByte();

  net::Connection& connection_;
  const HeadLimits limits_;
  std::unique_ptr<Parser> parser_;
  bool expects_continue_ = false;
  bool is_idle_ = true;
};

}  // namespace holdfast::http
