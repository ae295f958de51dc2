#include "server/backup.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/encoding.h"
#include "crypto/instance_key.h"
#include "crypto/key_ring_copy.h"
#include "crypto/owned_file.h"
#include "crypto/sealed.h"
#include "server/account_office.h"
#include "server/admin.h"
#include "server/rooms_schema.h"
#include "server/run_files.h"
#include "store/backup.h"

namespace holdfast::server {
namespace {

namespace fs = std::filesystem;

// Files beside the database, in parts that a row can hold, as base64.
constexpr std::string_view kFilesTable =
    "CREATE TABLE backup_files (name TEXT NOT NULL, part BIGINT NOT NULL, content TEXT NOT NULL,"
    " PRIMARY KEY (name, part))";
constexpr std::string_view kRingName = "keys";

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

Result<std::unique_ptr<store::Database>> OpenFile(const fs::path& file) {
  return store::Database::Open({.url = "sqlite:" + file.string()});
}

// The database that the configuration names, with nothing made or changed in it.
Result<std::unique_ptr<store::Database>> OpenToRead(const Config& config,
                                                    const fs::path& state_dir) {
  const bool is_own_file = config.accounts.database.empty();
  if (!Exists(KeyFilesIn(state_dir).ring) || (is_own_file && !Exists(state_dir / "holdfast.db"))) {
    return Fail(ErrorCode::kNotFound, "{} holds no state of a service", state_dir.string());
  }
  return store::Database::Open({.url = DatabaseUrl(config.accounts, state_dir)});
}

// A file of a name that nobody has, beside `file`, which it becomes when it is whole. Dropped
// before, it goes, with what SQLite put beside it.
class PartialFile {
 public:
  static Result<PartialFile> Make(const fs::path& file) {
    std::string name = file.string() + ".part-XXXXXX";
    const crypto::Descriptor made(::mkostemp(name.data(), O_CLOEXEC));  // 0600.
    if (!made.is_open()) return Fail(ErrnoError("make " + name));
    return PartialFile(file, name);
  }
  ~PartialFile() {
    if (path_.empty()) return;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      fs::remove(path_.string() + suffix, ignored);
    }
  }
  PartialFile(PartialFile&& other) noexcept
      : file_(std::move(other.file_)), path_(std::exchange(other.path_, {})) {}
  PartialFile& operator=(PartialFile&&) = delete;

  const fs::path& path() const { return path_; }

  Result<void> Finish() {
    if (Exists(path_.string() + "-wal")) {
      return Fail(ErrorCode::kIo, "{}: a part of it is still in the log", path_.string());
    }
    {
      TRY_ASSIGN(const crypto::Descriptor whole, crypto::OpenOwned(path_, O_RDWR));
      TRY(crypto::SyncFile(whole.number(), path_));
    }
    TRY(Rename());
    return crypto::SyncFolderOf(file_);
  }

 private:
  // No file of that name, come meanwhile, is overwritten; a file system that cannot promise it (of
  // another machine) is asked just before.
  Result<void> Rename() {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file_.c_str(), RENAME_NOREPLACE) == 0) {
      return {};
    }
    if (errno == EINVAL && !Exists(file_) && ::rename(path_.c_str(), file_.c_str()) == 0) return {};
    return Fail(ErrnoError("make " + file_.string()));
  }

  PartialFile(fs::path file, fs::path path) : file_(std::move(file)), path_(std::move(path)) {}

  fs::path file_;
  fs::path path_;
};

Result<crypto::KeyRingFacts> SaveRing(const fs::path& ring, store::Database& backup) {
  return backup.Write([&](store::Transaction& t) -> Result<crypto::KeyRingFacts> {
    TRY(t.Execute(kFilesTable));
    return crypto::CopyKeyRing(
        ring, [&](std::int64_t number, std::string_view bytes) -> Result<void> {
          if (number == 0) TRY(t.Execute("DELETE FROM backup_files WHERE name = :n", {kRingName}));
          TRY(t.Execute("INSERT INTO backup_files (name, part, content) VALUES (:n, :p, :c)",
                        {kRingName, number, crypto::EncodeBase64(bytes)}));
          return {};
        });
  });
}

Result<BackupSummary> Fill(const fs::path& file, store::Database& database, const fs::path& ring) {
  BackupSummary summary;
  {
    TRY_ASSIGN(const auto backup, OpenFile(file));
    TRY(MigrateRoomsAs(*backup, database));
    TRY_ASSIGN(summary.row_count, store::CopyRows(database, *backup));
    // After the rows: an account's key is made before its row.
    TRY_ASSIGN(const crypto::KeyRingFacts facts, SaveRing(ring, *backup));
    summary.key_count = facts.account_count;
    summary.instance_key_id = facts.instance_key_id;
  }
  TRY(OpenFile(file));  // Reads it through.
  return summary;
}

// The parts of the ring, in order; one that is missing or no base64 is kCorrupt.
crypto::NextPiece RingParts(store::Transaction& t) {
  return [&t, number = std::int64_t{0}]() mutable -> Result<std::optional<std::string>> {
    TRY_ASSIGN(const auto row,
               t.QueryOne("SELECT content FROM backup_files WHERE name = :n AND part = :p",
                          {kRingName, number}));
    if (!row) {
      TRY_ASSIGN(const auto count,
                 t.QueryOne("SELECT COUNT(*) FROM backup_files WHERE name = :n", {kRingName}));
      if (count && count->Number(0) == number) return std::nullopt;
      return Fail(ErrorCode::kCorrupt, "part {} of the key ring is missing", number);
    }
    std::optional<std::string> bytes = crypto::DecodeBase64(row->Text(0));
    if (!bytes) return Fail(ErrorCode::kCorrupt, "part {} of the key ring is damaged", number);
    ++number;
    return bytes;
  };
}

Result<std::unique_ptr<store::Database>> OpenBackup(const fs::path& file) {
  // SQLite would make one.
  if (!Exists(file)) return Fail(ErrorCode::kNotFound, "there is no file {}", file.string());
  TRY_ASSIGN(auto backup, OpenFile(file));
  const auto table = backup->Read([](store::Transaction& t) {
    return t.QueryOne("SELECT name FROM sqlite_master WHERE name = 'backup_files'");
  });
  if (!table) return Fail(table.error());
  if (!*table) return Fail(ErrorCode::kCorrupt, "{} is no backup", file.string());
  return backup;
}

Result<std::int64_t> RestoreRows(store::Database& backup, const std::string& url) {
  TRY_ASSIGN(const auto database, store::Database::Open({.url = url}));
  TRY(MigrateRoomsAs(*database, backup));
  TRY_ASSIGN(const std::int64_t rows, store::CopyRows(backup, *database));
  TRY(MigrateRooms(*database));
  return rows;
}

Result<bool> HasInstanceKey(const fs::path& state_dir, const std::string& id) {
  const crypto::KeyFiles files = KeyFilesIn(state_dir);
  const bool has_credential = files.credentials_folder &&
                              Exists(*files.credentials_folder / crypto::kInstanceKeyCredential);
  if (!has_credential && !Exists(files.instance_key)) return false;
  TRY_ASSIGN(const crypto::DataKey key,
             crypto::LoadOrMakeInstanceKey(files.instance_key, files.credentials_folder));
  return crypto::EncodeHex(crypto::KeyId(key)) == id;
}

}  // namespace

Result<BackupSummary> MakeBackup(const Config& config, const fs::path& file, int keep_days) {
  if (Exists(file)) return Fail(ErrorCode::kAlreadyExists, "{} exists", file.string());
  TRY_ASSIGN(const fs::path state_dir, MakeStateDir(config.up));
  TRY_ASSIGN(const auto database, OpenToRead(config, state_dir));
  // Before: whoever leaves while it is made may be in it.
  TRY(NoteBackup(config, keep_days));
  TRY_ASSIGN(PartialFile partial, PartialFile::Make(file));
  const Result<BackupSummary> filled = Fill(partial.path(), *database, KeyFilesIn(state_dir).ring);
  // What SQLite says names no file.
  if (!filled) return Fail(filled.error().code, "{}: {}", file.string(), filled.error().message);
  TRY(partial.Finish());
  return filled;
}

// The ring comes first: a service that starts between the two steps finds a ring without its
// instance key, or with no accounts, and makes no keys of its own for accounts that have some.
Result<BackupSummary> RestoreBackup(const Config& config, const fs::path& file) {
  TRY_ASSIGN(const auto backup, OpenBackup(file));
  TRY_ASSIGN(const fs::path state_dir, MakeStateDir(config.up));
  const fs::path ring_path = KeyFilesIn(state_dir).ring;
  if (Exists(ring_path)) {
    return Fail(ErrorCode::kAlreadyExists,
                "{} exists: a backup is restored into an empty state only", ring_path.string());
  }
  TRY_ASSIGN(const crypto::KeyRingFacts ring, backup->Read([&](store::Transaction& t) {
    return crypto::PlaceKeyRing(ring_path, RingParts(t));
  }));
  const Result<std::int64_t> rows = RestoreRows(*backup, DatabaseUrl(config.accounts, state_dir));
  if (!rows) {
    ::unlink(ring_path.c_str());  // Ours, made above.
    return Fail(rows.error());
  }
  TRY_ASSIGN(const bool has_key, HasInstanceKey(state_dir, ring.instance_key_id));
  return BackupSummary{.row_count = *rows,
                       .key_count = ring.account_count,
                       .instance_key_id = ring.instance_key_id,
                       .has_instance_key = has_key};
}

}  // namespace holdfast::server
