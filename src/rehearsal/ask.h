// Ask: one attempt of a caller, from its connection to its end, seen as the caller sees it and
// noted in the record. Single-threaded, as the stage.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/client.h"
#include "net/address.h"
#include "rehearsal/stage.h"

namespace holdfast::rehearsal {

struct Caller {
  const Group* group = nullptr;
  std::uint32_t number = 0;  // The group's opaque one.
  std::uint32_t client = 0;
  net::Address address;
  std::string key;                    // Bearer; empty: none.
  std::string cookie;                 // "name=value"
  std::unique_ptr<net::Stream> kept;  // A connection to go on with.
};

struct Question {
  Act act = Act::kChat;
  http::ClientRequest request;
  std::uint64_t wish = 0;
  std::uint32_t retry = 0;
  Micros due = 0;
  double patience_s = 0;           // For a first token or a short answer.
  std::uint32_t leave_tokens = 0;  // Leaves after so many; 0: stays.
  double read_interval_s = 0;      // Waits so long before each read; 0: reads at once.
};

struct Reply {
  Attempt attempt;
  std::optional<bool> should_retry;  // By x-should-retry.
  std::optional<double> retry_after_s;
  std::string body;    // Of a short answer.
  std::string cookie;  // That it set.

  bool is_good() const { return attempt.end == End::kDone; }
};

net::Awaitable<Reply> Ask(Stage& stage, Caller& caller, const Question& question);

// A connection from the caller's address. Errors as net::Dial.
net::Awaitable<Result<std::unique_ptr<net::Stream>>> Connect(Stage& stage, const Caller& caller,
                                                             int receive_buffer_bytes = 0);

// ": waiting place=3 wait_ms=4200", with its comment's colon: the wait.
std::optional<std::int64_t> ParseWaitNotice(std::string_view event);

}  // namespace holdfast::rehearsal
