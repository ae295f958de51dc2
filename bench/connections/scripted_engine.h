// ScriptedEngine: a process that speaks enough of the OpenAI API to stand behind a proxy: /health,
// /v1/models and streamed chat completions, on a Unix socket and on a loopback port at once. One
// epoll thread. What a completion does depends on the words of its request:
//   "wait"    the head of an answer and a comment now and then, for ever;
//   "stream"  the same, and ten tokens a second while the flow is on. A token is the time when it
//             was sent, so that whoever gets it knows its delay.
//
// Limits: `connections_max` connections; a request of at most 64 KiB.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "connections/child_process.h"

namespace holdfast::bench {

struct ScriptedEngineOptions {
  std::filesystem::path socket;
  std::size_t connections_max = 1024;
  std::size_t sequences_max = 1024;  // As it says of itself.
};

class ScriptedEngine {
 public:
  static constexpr std::chrono::milliseconds kTokenEvery{100};
  static constexpr std::chrono::milliseconds kCommentEvery{4'000};

  [[nodiscard]] static Result<ScriptedEngine> Start(const ScriptedEngineOptions& options);

  int port() const { return port_; }
  // Off at first.
  void SetFlow(bool is_on) { board_->is_flowing = is_on; }
  // Tokens that a full socket or a late tick made it leave out.
  std::uint64_t tokens_left_out() const { return board_->tokens_left_out; }

  // What both processes see.
  struct Board {
    std::atomic<bool> is_flowing{false};
    std::atomic<std::uint64_t> tokens_left_out{0};
  };

 private:
  struct Unmap {
    void operator()(Board* board) const;
  };
  using SharedBoard = std::unique_ptr<Board, Unmap>;
  ScriptedEngine(SharedBoard board, int port, ChildProcess process)
      : board_(std::move(board)), port_(port), process_(std::move(process)) {}

  SharedBoard board_;
  int port_;
  ChildProcess process_;
};

// The clock of the times that tokens carry.
std::int64_t NowNs();

}  // namespace holdfast::bench
