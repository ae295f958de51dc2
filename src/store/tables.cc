#include "store/tables.h"

#include <algorithm>
#include <utility>

namespace holdfast::store {
namespace {

// The numbers of both catalogues rise with time.
constexpr std::string_view kSqliteNames =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
    "'\\' AND name <> 'schema_versions' ORDER BY rowid";
constexpr std::string_view kPostgresNames =
    "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname = current_schema() AND c.relname <> 'schema_versions' "
    "ORDER BY c.oid";

// Each column with its place in the primary key, counted from 1; 0: it is not of it.
constexpr std::string_view kSqliteColumns =
    "SELECT name, pk FROM pragma_table_info(:name) ORDER BY cid";
constexpr std::string_view kPostgresColumns =
    "SELECT CAST(a.attname AS TEXT),"
    " CAST(COALESCE(array_position(CAST(i.indkey AS INT2[]), a.attnum) + 1, 0) AS BIGINT) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
    "WHERE n.nspname = current_schema() AND c.relname = :name ORDER BY a.attnum";

Result<Table> Describe(Transaction& transaction, Kind kind, const std::string& name) {
  TRY_ASSIGN(const Rows rows,
             transaction.Query(kind == Kind::kSqlite ? kSqliteColumns : kPostgresColumns, {name}));
  Table table{.name = name, .columns = {}, .key_columns = {}};
  std::vector<std::pair<std::int64_t, std::size_t>> key;
  for (const Row& row : rows) {
    if (row.Number(1) > 0) key.emplace_back(row.Number(1), table.columns.size());
    table.columns.push_back(row.Text(0));
  }
  std::ranges::sort(key);
  for (const auto& [place, column] : key) table.key_columns.push_back(column);
  if (!key.empty()) return table;
  return Fail(ErrorCode::kUnsupported, "the table {} has no primary key", name);
}

}  // namespace

Result<std::vector<Table>> ListTables(Transaction& transaction, Kind kind) {
  TRY_ASSIGN(const Rows names,
             transaction.Query(kind == Kind::kSqlite ? kSqliteNames : kPostgresNames));
  std::vector<Table> tables;
  for (const Row& name : names) {
    TRY_ASSIGN(Table table, Describe(transaction, kind, name.Text(0)));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace holdfast::store
