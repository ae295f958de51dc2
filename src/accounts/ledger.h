// Ledger: what each account and key has used, and what is left of its quota. An answer is charged
// once, by its request's id, however often that is asked. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "accounts/usage_board.h"
#include "store/database.h"

namespace holdfast::accounts {

// Days are UTC, so that a quota begins anew for all at the same moment.
constexpr std::int64_t DayOf(TimeMs time) { return time / (24LL * 60 * 60 * 1000); }

struct QuotaDefaults {
  // Of an account that has no own; nullopt: no limit.
  std::optional<std::int64_t> tokens_per_day = {};
  std::optional<std::int64_t> requests_at_once = {};
};

// How many requests may be under way at once; nullopt: no limit but the guard's.
struct AtOnceLimits {
  std::optional<std::int64_t> account;
  std::optional<std::int64_t> key;  // Of this one.
};

struct DayUsage {
  std::int64_t day = 0;
  std::int64_t tokens = 0;
};

struct KeyUsage {
  std::string key_id;
  std::int64_t tokens = 0;  // Today.
};

struct UsageReport {
  std::int64_t tokens_today = 0;
  std::optional<std::int64_t> tokens_per_day;
  std::optional<std::int64_t> balance;
  std::optional<std::int64_t> requests_at_once;
  TimeMs resets_at = 0;
  std::vector<DayUsage> days;  // The last kDaysShown, oldest first, those with use.
  std::vector<KeyUsage> keys;
};

class Ledger {
 public:
  static constexpr std::int64_t kDaysShown = 30;
  // Entries of single answers are kept so long; the sums by day stay.
  static constexpr TimeMs kEntriesKept = 35LL * 24 * 60 * 60 * 1000;

  Ledger(store::Database& database, const QuotaDefaults& defaults)
      : database_(database), defaults_(defaults) {}

  // Whether another answer may begin, and beside how many others. Errors: kYourQuota (with the time
  // until tomorrow), kPaymentRequired (a balance of nothing).
  Outcome<AtOnceLimits> Check(const Identity& identity, TimeMs now);
  // Adds what an answer used; `was_cut`: it did not end by itself. A second time for the same
  // request changes nothing. An account that is gone is charged no more.
  Outcome<void> Charge(const Usage& usage, bool was_cut, TimeMs now);
  Outcome<std::int64_t> TokensToday(std::string_view account_id, TimeMs now);
  Outcome<UsageReport> Report(std::string_view account_id, TimeMs now);
  // Forgets single entries that are older than kEntriesKept.
  Outcome<void> Prune(TimeMs now);

 private:
  store::Database& database_;
  const QuotaDefaults defaults_;
};

}  // namespace holdfast::accounts
