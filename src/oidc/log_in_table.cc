#include "oidc/log_in_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace holdfast::oidc {
namespace {

std::string HashOf(std::string_view token) {
  crypto::Blake2b hash;
  hash.Update(token);
  return crypto::HexDigest(hash.Finish());
}

}  // namespace

void LogInTable::Drop(Entries::iterator entry) {
  by_state_.erase(entry->log_in.secrets.state);
  const auto client = of_client_.find(entry->client);
  CHECK(client != of_client_.end());
  if (--client->second == 0) of_client_.erase(client);
  entries_.erase(entry);
}

void LogInTable::Begin(LogIn log_in, std::string_view browser, std::string_view client) {
  const std::lock_guard lock(mutex_);
  while (!entries_.empty() &&
         (entries_.size() >= kLogInsMax ||
          log_in.began_at_ms - entries_.front().log_in.began_at_ms >= kLifeMs)) {
    Drop(entries_.begin());
  }
  const auto held = of_client_.find(client);
  if (held != of_client_.end() && held->second >= kLogInsOfClientMax) {
    Drop(std::ranges::find(entries_, client, &Entry::client));
  }
  std::string state = log_in.secrets.state;
  entries_.push_back({std::move(log_in), HashOf(browser), std::string(client)});
  ++of_client_[std::string(client)];
  by_state_.emplace(std::move(state), std::prev(entries_.end()));
}

std::optional<LogIn> LogInTable::Take(std::string_view state, std::string_view browser,
                                      std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = by_state_.find(state);
  if (found == by_state_.end()) return std::nullopt;
  Entry entry = *found->second;
  Drop(found->second);
  const bool is_same_browser = !browser.empty() && Secret(HashOf(browser)).Equals(entry.browser);
  if (!is_same_browser || now_ms - entry.log_in.began_at_ms >= kLifeMs) return std::nullopt;
  return std::move(entry.log_in);
}

std::size_t LogInTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace holdfast::oidc
