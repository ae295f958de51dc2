// A conversation in the terminal: reads lines, streams answers, over the public API of a running
// service or of an engine of its own. Called once, from main.
//
// At the prompt: /reset forgets the conversation, /quit or end of input leaves. Ctrl-C stops an
// answer; at the prompt it leaves.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

struct TerminalChatOptions {
  std::string url;  // Empty: start an engine on the configured model.
  std::string system;
  std::int64_t max_tokens = 0;  // 0: the server's limit.
  double temperature = 0.7;
};

[[nodiscard]] Result<void> RunTerminalChat(const Config& config,
                                           const TerminalChatOptions& options);

}  // namespace holdfast::server
