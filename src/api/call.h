// Call: what one request asks for, read and checked. It knows what it will cost before anything is
// admitted, and runs once it is. A failure is its result: how that is said to the client is the
// reply's business, and what it is called the pipeline's.
//
// Made by an Endpoint's parse, run once, on the I/O thread of the request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/api_error.h"
#include "net/awaitable.h"

namespace holdfast::api {

class Reply;

// What the guard wants to know of the work before it lets it in.
struct Work {
  std::uint32_t prompt_tokens = 0;  // 0: not counted.
  std::uint32_t prompt_bytes = 0;
  std::uint32_t tokens_max = 0;  // Of each answer; 0: not said.
  std::uint32_t choices = 1;     // Answers asked for.
  std::uint64_t sketch = 0;      // Near-equal prompts share it; 0: none.
  bool is_stream = false;
  std::string model = {};  // As it was asked for.

  // Of a log-in or a sign-up only.
  std::string login_name =
      {};  // Whose account it is about; a hash of it is all that the guard sees.
  bool paid_challenge = false;
  std::uint64_t device = 0;  // That was logged in to this account before; 0: none.
  bool gives_mail = false;   // Of a sign-up: an address that can be asked to confirm.
  bool has_invitation = false;
  std::chrono::microseconds form_time{-1};  // From loading the form to sending it; -1: not known.
};

// How the door let a sign-up in.
struct SignUpEntry {
  bool needs_mail = false;    // The mail address must be confirmed first.
  bool on_probation = false;  // See accounts/probation.h.
};

// What an answer has used so far.
struct TokenCounts {
  std::int64_t prompt = 0;  // 0: not known.
  std::int64_t output = 0;
};

// What a running call tells of its answer, for the guard and the metrics. One for each call.
class Progress {
 public:
  // `first_token` is called once, with the first token; `engine_done` once, when the engine has
  // done its work, though the client may still be reading.
  // `used`, with all so far, before what was made is relayed.
  Progress(std::function<void()> first_token, std::function<void()> engine_done,
           std::function<void(const TokenCounts&)> used = nullptr)
      : first_token_(std::move(first_token)),
        engine_done_(std::move(engine_done)),
        used_(std::move(used)) {}

  // Pieces of the answer, each of one token as far as one knows; `counts`: all tokens so far, where
  // the engine says how many they are.
  void OnTokens(std::int64_t pieces, const std::optional<TokenCounts>& counts = std::nullopt);
  // The engine's work is done; the tokens as it counted them.
  void OnEngineDone(std::int64_t prompt_tokens, std::int64_t output_tokens);
  // The answer did not come to its end.
  void OnCut() { is_cut_ = true; }

  // Wrong name, password or code.
  void OnFailedLogin() { has_failed_login_ = true; }

  bool has_failed_login() const { return has_failed_login_; }
  bool was_cut() const { return is_cut_ || !is_engine_done_; }
  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  std::int64_t output_tokens() const { return output_tokens_; }
  std::optional<net::TimePoint> first_token_at() const { return first_at_; }
  // Mean between tokens; 0 with fewer than two.
  std::chrono::microseconds token_interval() const;

 private:
  std::function<void()> first_token_;
  std::function<void()> engine_done_;
  std::function<void(const TokenCounts&)> used_;
  std::int64_t prompt_tokens_ = 0;
  std::int64_t output_tokens_ = 0;
  std::int64_t seen_ = 0;
  bool has_failed_login_ = false;
  bool is_engine_done_ = false;
  bool is_cut_ = false;
  std::optional<net::TimePoint> first_at_;
  net::TimePoint last_at_{};
};

class Call {
 public:
  virtual ~Call() = default;
  // What must be looked up before anything is admitted. Most calls know all from their request.
  virtual net::Awaitable<ApiResult<void>> Prepare() { co_return ApiResult<void>{}; }
  virtual Work work() const { return {}; }
  // Once, between work() and Run(), of an answer whose request sets no limit: each of its answers
  // is to have at most so many tokens.
  virtual void ShortenTo(std::uint32_t /*tokens_max*/) {}
  // Once, between work() and Run(), of a sign-up.
  virtual void OnEntry(const SignUpEntry&) {}
  // Answers. A failure that is returned is told to the client by the pipeline, whether or not the
  // answer has begun.
  virtual net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress& progress) = 0;
};

}  // namespace holdfast::api
