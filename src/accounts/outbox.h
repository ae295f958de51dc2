// Outbox: mail on its way. What is to be sent is written down first, so that neither a crash nor a
// mail server that is away loses it; without a mail server it is what the operator reads. Links in
// it come from the configured address of the service, never from a request. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "store/database.h"

namespace holdfast::accounts {

struct Mail {
  std::string id;
  std::string to;
  std::string subject;
  std::string text;
  TimeMs created_at = 0;
  std::optional<TimeMs> sent_at;
  std::int64_t attempts = 0;
  std::optional<std::string> error;  // Of the last attempt.
};

class Outbox {
 public:
  static constexpr std::int64_t kWaitingMax = 10'000;  // Of the whole service.
  static constexpr std::int64_t kWaitingPerAddressMax = 5;
  static constexpr TimeMs kKept = 7LL * 24 * 60 * 60 * 1000;
  static constexpr std::int64_t kAttemptsMax = 12;  // The last after eight hours and a half.

  explicit Outbox(store::Database& database) : database_(database) {}

  // Over a limit it is dropped, and nobody is told: a stranger must not learn whether an address
  // gets mail. Errors: kStoreDown.
  Outcome<void> Put(std::string_view to, std::string_view subject, std::string_view text,
                    TimeMs now);
  // Those to try now, oldest first; a failed one waits twice as long each time.
  Outcome<std::vector<Mail>> Due(std::size_t count_max, TimeMs now);
  // With its text gone: a link in it is a key.
  Outcome<void> MarkSent(std::string_view id, TimeMs now);
  Outcome<void> MarkFailed(std::string_view id, std::string_view error);
  Outcome<std::vector<Mail>> List(std::size_t count_max);
  Outcome<void> Prune(TimeMs now);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
