// What an AnswerStream is made of: the attempt at the engine that answers now, and what is needed
// to begin anew at another one. Only upstream's sources include this.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "upstream/answer_stream.h"
#include "upstream/attempt.h"
#include "upstream/remote_engine.h"
#include "upstream/request_body.h"

namespace holdfast::upstream {

struct AnswerStream::State {
 public:
  State(EngineSet& engines, Call call, net::StopSource& stop, net::Executor executor);

  // Takes the call to an engine that was not tried yet, until one answers with 200. When there is
  // none left: the last failure.
  net::Awaitable<std::expected<void, Failure>> Advance();
  net::Awaitable<Part> Next();

  bool is_stream() const { return attempt_->is_stream(); }
  std::string_view engine() const { return engines_.engines[tried_.back()]->spec().name; }
  const Usage& usage() const { return usage_; }

 private:
  bool MayMoveOn(const Failure& failure) const;
  Failure NobodyLeft() const;
  Failure ReadFailure(const Delta& delta);
  net::Awaitable<Part> AtEnd(std::optional<Failure> failure);
  void Note(Delta& delta);
  void NoteWhole(const Delta& delta);
  Delta TakePending();
  void Forget();
  void EstimateUsage();

  EngineSet& engines_;
  const Call call_;
  const RequestBody body_;
  net::StopSource& stop_;
  const net::Executor executor_;
  std::vector<std::size_t> tried_;
  std::size_t broken_count_ = 0;
  std::optional<Failure> last_failure_;

  // Of the attempt that is under way.
  std::deque<Delta> pending_;  // Read, to be given out next.
  std::vector<Delta> held_;    // Openings that nothing has followed yet.
  std::uint64_t choices_seen_ = 0;
  std::uint64_t choices_finished_ = 0;
  std::uint64_t text_count_ = 0;
  Usage usage_;

  bool has_begun_ = false;  // Something but comments was given out.
  bool is_over_ = false;
  std::unique_ptr<Attempt> attempt_;  // Last: it refers to the rest.
};

}  // namespace holdfast::upstream
