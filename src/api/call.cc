#include "api/call.h"

#include <utility>

namespace holdfast::api {

void Progress::OnTokens(std::int64_t pieces, const std::optional<TokenCounts>& counts) {
  if (pieces <= 0 && !counts) return;
  if (counts) prompt_tokens_ = counts->prompt;
  output_tokens_ = counts ? counts->output : output_tokens_ + pieces;
  if (used_) used_({prompt_tokens_, output_tokens_});
  if (pieces <= 0) return;
  last_at_ = net::Clock::now();
  seen_ += pieces;
  if (first_at_) return;
  first_at_ = last_at_;
  if (first_token_) first_token_();
}

void Progress::OnEngineDone(std::int64_t prompt_tokens, std::int64_t output_tokens) {
  prompt_tokens_ = prompt_tokens;
  output_tokens_ = output_tokens;
  is_engine_done_ = true;
  if (engine_done_) std::exchange(engine_done_, nullptr)();
}

std::chrono::microseconds Progress::token_interval() const {
  if (!first_at_ || seen_ < 2) return {};
  return std::chrono::duration_cast<std::chrono::microseconds>(last_at_ - *first_at_) / (seen_ - 1);
}

}  // namespace holdfast::api
