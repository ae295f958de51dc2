#include "accounts/wrong_codes.h"

#include <algorithm>

namespace holdfast::accounts {

std::optional<TimeMs> WrongCodes::Count(std::string_view account_id, TimeMs now) {
  const std::lock_guard lock(mutex_);
  const std::string id(account_id);
  if (!rows_.contains(id)) MakeRoom(now);
  Row& row = rows_[id];
  if (row.last_at + kForgetMs <= now) row = {};
  const TimeMs open_at = row.last_at + kWaitMs;
  if (row.count >= kInRowMax && now < open_at) return open_at - now;
  ++row.count;
  row.last_at = now;
  return std::nullopt;
}

void WrongCodes::Forget(std::string_view account_id) {
  const std::lock_guard lock(mutex_);
  rows_.erase(std::string(account_id));
}

void WrongCodes::MakeRoom(TimeMs now) {
  if (rows_.size() < kAccountsMax) return;
  std::erase_if(rows_, [now](const auto& one) { return one.second.last_at + kForgetMs <= now; });
  if (rows_.size() < kAccountsMax) return;
  rows_.erase(
      std::ranges::min_element(rows_, {}, [](const auto& one) { return one.second.last_at; }));
}

}  // namespace holdfast::accounts
