#include "store/migration.h"

namespace holdfast::store {
namespace {

constexpr std::string_view kTable =
    "CREATE TABLE IF NOT EXISTS schema_versions ("
    " room TEXT PRIMARY KEY, version BIGINT NOT NULL)";

Result<std::int64_t> VersionOf(Transaction& transaction, std::string_view room) {
  TRY_ASSIGN(const auto row, transaction.QueryOne(
                                 "SELECT version FROM schema_versions WHERE room = :room", {room}));
  return row ? row->Number(0) : 0;
}

}  // namespace

Result<void> Migrate(Database& database, std::string_view room,
                     std::span<const Migration> migrations) {
  return database.Write([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.Execute(kTable));
    TRY_ASSIGN(const std::int64_t before, VersionOf(transaction, room));
    const auto last = static_cast<std::int64_t>(migrations.size());
    if (before > last) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "the tables of {} are of version {}, this release knows {}", room, before, last);
    }
    for (std::int64_t i = before; i < last; ++i) {
      for (const std::string_view statement : migrations[static_cast<std::size_t>(i)].statements) {
        TRY(transaction.Execute(statement));
      }
    }
    if (before == last) return {};
    TRY(
        transaction.Execute("INSERT INTO schema_versions (room, version) VALUES (:room, :version) "
                            "ON CONFLICT (room) DO UPDATE SET version = excluded.version",
                            {room, last}));
    return {};
  });
}

Result<std::int64_t> SchemaVersion(Database& database, std::string_view room) {
  return database.Read([&](Transaction& transaction) { return VersionOf(transaction, room); });
}

}  // namespace holdfast::store
