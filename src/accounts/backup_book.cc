#include "accounts/backup_book.h"

#include "crypto/random.h"

namespace holdfast::accounts {

using store::Transaction;

Outcome<void> BackupBook::Note(const KeptBackup& backup) {
  if (backup.kept_until <= backup.made_at) {
    return Refuse(Reason::kBadRequest, "a backup is kept for some time");
  }
  TRY_STORE([[maybe_unused]] const bool done, database_.Write([&](Transaction& t) -> Result<bool> {
    TRY(t.Execute("DELETE FROM backups WHERE kept_until <= :now", {backup.made_at}));
    TRY(t.Execute("INSERT INTO backups (id, made_at, kept_until) VALUES (:id, :made, :until)",
                  {crypto::RandomToken(16), backup.made_at, backup.kept_until}));
    TRY(
        t.Execute("DELETE FROM backups WHERE id IN (SELECT id FROM backups"
                  " ORDER BY kept_until DESC, id LIMIT 1000 OFFSET :kept)",
                  {static_cast<std::int64_t>(kBackupsMax)}));
    return true;
  }));
  return {};
}

Outcome<std::vector<KeptBackup>> BackupBook::Kept(TimeMs now) {
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(
        "SELECT made_at, kept_until FROM backups WHERE kept_until > :now"
        " ORDER BY made_at",
        {now});
  }));
  std::vector<KeptBackup> backups;
  for (const store::Row& row : rows) backups.push_back({row.Number(0), row.Number(1)});
  return backups;
}

}  // namespace holdfast::accounts
