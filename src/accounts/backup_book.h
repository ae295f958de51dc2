// BackupBook: which backups were made, and until when each is kept, as the operator said then: what
// somebody who leaves can be told. Thread-safe; blocks.
#pragma once

#include <cstddef>
#include <vector>

#include "accounts/account.h"
#include "store/database.h"

namespace holdfast::accounts {

struct KeptBackup {
  TimeMs made_at = 0;
  TimeMs kept_until = 0;
  bool operator==(const KeptBackup&) const = default;
};

class BackupBook {
 public:
  // At most; beyond it the one that is kept shortest is no longer listed.
  static constexpr std::size_t kBackupsMax = 10'000;

  explicit BackupBook(store::Database& database) : database_(database) {}

  // Forgets those that are kept no longer. Errors: kBadRequest (it ends before it was made).
  Outcome<void> Note(const KeptBackup& backup);
  // Those kept at `now`, oldest first.
  Outcome<std::vector<KeptBackup>> Kept(TimeMs now);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
