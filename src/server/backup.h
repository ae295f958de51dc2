// Backup: all that lasts but the instance key, in one file of SQLite, whatever the database is:
// every table, and the key ring, whose keys are wrapped. Who has the file and not the instance key
// can read no conversation. docs/OPERATIONS.md says what else a backup does not hold.
//
// It is one moment of the database, and the ring as it was after that moment: every account has its
// key, and one that was deleted meanwhile has none. Free functions; they block; the service may run
// while a backup is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

struct BackupSummary {
  std::int64_t row_count = 0;
  std::size_t key_count = 0;
  // Hexadecimal: which instance key opens it. An export of that key says the same.
  std::string instance_key_id;
  // After a restore: that key lies where the service looks for it.
  bool has_instance_key = false;
};

// The file is for its owner alone, and has its name once it is whole and on the disk. Errors:
// kAlreadyExists (the file), kNotFound (there is no service's state to back up), those of
// NoteBackup (admin.h), store::CopyRows and crypto::CopyKeyRing. `keep_days`: after so many the
// operator deletes it.
[[nodiscard]] Result<BackupSummary> MakeBackup(const Config& config,
                                               const std::filesystem::path& file, int keep_days);

// Into an empty state only, while the service does not run; then the tables are brought up to date.
// The file is looked through as a whole before. Errors: kNotFound (the file), kCorrupt (it, or it
// is no backup), kAlreadyExists (there are rows or a key ring), kFailedPrecondition (of a newer
// release), those of store::CopyRows.
[[nodiscard]] Result<BackupSummary> RestoreBackup(const Config& config,
                                                  const std::filesystem::path& file);

}  // namespace holdfast::server
