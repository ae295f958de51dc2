// RefusalText: an error as a whole answer, made once and sent often: a flood is told nearly the
// same each time. What differs, the wait and the request's id, is filled in. It is made of what
// SendError sends, so that it says the same. Immutable, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "http/message.h"

namespace holdfast::api {

class RefusalText {
 public:
  // For all errors that differ from this one in their wait alone, as long as either has one and
  // both are, or are not, longer than kHonouredWaitMax.
  RefusalText(const ApiError& error, Dialect dialect);

  struct Filled {
    http::ResponseHead head;
    std::string body;
  };
  // `retry_after` is used where the error has a wait of its own.
  Filled Fill(std::chrono::milliseconds retry_after, std::string_view request_id) const;

 private:
  enum class Blank : std::uint8_t { kNone, kSeconds, kMilliseconds, kRequestId };
  // A piece of text, and what follows it.
  struct Piece {
    std::string text;
    Blank blank = Blank::kNone;
  };
  struct Filling;

  void AddLine(const http::Header& header, std::chrono::milliseconds mark);
  void SplitBody(std::string_view body);
  static void FillIn(const std::vector<Piece>& pieces, const Filling& filling, std::string& to);

  http::ResponseHead head_;  // Its headers are in `lines_`.
  std::vector<Piece> lines_;
  std::vector<Piece> body_;
};

}  // namespace holdfast::api
