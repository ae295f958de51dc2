// AnswerStream: the answer to one call, as it comes. While nothing but comments has been given out,
// an engine that fails is replaced by another one, and the reader does not notice; from the first
// delta on, a failure is told. Dropping it ends the engine's work.
//
// Owned by whoever called Pool::Open; the pool and the stop source must outlive it.
// Single-threaded: on the I/O thread that opened it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/awaitable.h"
#include "upstream/delta.h"
#include "upstream/failure.h"

namespace holdfast::upstream {

class AnswerStream {
 public:
  using Part = std::expected<std::optional<Delta>, Failure>;

  struct State;
  explicit AnswerStream(std::unique_ptr<State> state);
  ~AnswerStream();
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  // The next event; of an answer that is no stream, its body and nothing more. nullopt: the answer
  // is complete. After nullopt or a failure it is over. An error event of the engine is not a
  // delta but a failure (kError). One caller at a time.
  net::Awaitable<Part> Next();

  // Events, or one body: as the call asked.
  bool is_stream() const;
  // Of the engine that answers now; valid until the next Next.
  std::string_view engine() const;
  // What is known so far; final when Next gave nullopt.
  const Usage& usage() const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::upstream
