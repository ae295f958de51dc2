// Asks a server of this process over a socket, and keeps what comes. For tests only.
#pragma once

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "http/client.h"
#include "net/awaitable.h"

namespace holdfast::server {

struct Answer {
  bool has_head = false;
  http::ResponseHead head;
  Result<std::string> body;
};

inline net::Awaitable<void> Ask(net::Endpoint endpoint, http::ClientRequest request,
                                std::chrono::milliseconds patience, std::promise<Answer>& promise) {
  constexpr std::size_t kBodyBytesMax = 8 << 20;
  const net::TimePoint deadline = net::Clock::now() + patience;
  http::ClientCall call;
  Answer answer;
  const Result<void> started = co_await call.Start(endpoint, request, deadline);
  answer.has_head = started.has_value();
  if (answer.has_head) {
    answer.head = call.head();
    answer.body = co_await call.ReadAll(kBodyBytesMax, deadline);
  }
  promise.set_value(std::move(answer));
}

}  // namespace holdfast::server
