// WrongCodes: how often an account's one-time code may be guessed. After kInRowMax wrong ones in a
// row one is looked at every kWaitMs, until a right one comes; the row is forgotten when nobody has
// tried for kForgetMs. That is a chance of one in a few thousand a day for who knows the password
// already, from however many addresses. (NIST SP 800-63B-4, section 3.2.2, asks for at most 100.)
//
// Of this process, and in memory: a restart begins new rows. At most kAccountsMax rows; when there
// is no room, the row that was added to longest ago goes. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "accounts/account.h"

namespace holdfast::accounts {

class WrongCodes {
 public:
  static constexpr int kInRowMax = 10;
  static constexpr TimeMs kWaitMs = 15LL * 60 * 1000;
  static constexpr TimeMs kForgetMs = 24LL * 60 * 60 * 1000;
  static constexpr std::size_t kAccountsMax = 10'000;

  // Counts one that is about to be looked at, so that many at once are not looked at for one.
  // nullopt: it may be. Else how long to wait.
  std::optional<TimeMs> Count(std::string_view account_id, TimeMs now);
  // It was right.
  void Forget(std::string_view account_id);

 private:
  struct Row {
    int count = 0;
    TimeMs last_at = 0;
  };
  void MakeRoom(TimeMs now);

  std::mutex mutex_;
  std::unordered_map<std::string, Row> rows_;
};

}  // namespace holdfast::accounts
