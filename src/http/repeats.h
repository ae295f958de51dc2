// Repeats: a connection that asks for the very same again and is told the very same. While its
// requests are turned away, the bytes of the last head are kept, and with them a function that
// answers it anew. A request that begins with these bytes is that request again: same connection,
// same head, same length of the body. So it need not be read.
//
// Of a head that differs by one byte nothing is known. A connection that was not turned away keeps
// nothing; one that was keeps kHeadBytesMax at most. Belongs to the coroutine that serves the
// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace holdfast::http {

class Repeats {
 public:
  // Small, as of Exchange::SendUnread.
  struct Answer {
    ResponseHead head;
    std::string body;
  };
  // nullopt: not this time. The request is served as any other, and nothing was done.
  using Again = std::move_only_function<std::optional<Answer>()>;
  static constexpr std::size_t kHeadBytesMax = 2 << 10;

  // Of each head that is read; empty: they did not come at once.
  void OnHead(std::string_view bytes);
  // The request of the last head was turned away, and its body, of this length, is passed over.
  void OnTurnedAway(std::uint64_t body_bytes, Again again);

  // Answers the request that `input` begins with, if it is the last one again.
  std::optional<Answer> TryAnswer(std::string_view input);
  std::size_t head_bytes() const { return bytes_.size(); }
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  bool was_turned_away_ = false;  // The last one.
  std::string bytes_;             // Of the last head; empty: not kept.
  std::uint64_t body_bytes_ = 0;
  Again again_;
};

}  // namespace holdfast::http
