#include "store/backup.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "store/tables.h"

namespace holdfast::store {
namespace {

using Names = std::vector<std::string>;

Names Quoted(const Names& names) {
  Names quoted;
  for (const std::string& name : names) quoted.push_back('"' + name + '"');
  return quoted;
}

// :p0, :p1, ...
Names Parameters(std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format(":p{}", i));
  return names;
}

// The statements that take a table's rows out, page after page in the order of its key, and in.
struct Statements {
  std::string first_page;
  std::string next_page;  // After the row whose key is given.
  std::string insert;
  std::string count;
  std::string any;
};

Statements StatementsFor(const Table& table) {
  const Names columns = Quoted(table.columns);
  Names key;
  for (const std::size_t column : table.key_columns) key.push_back(columns[column]);
  const std::string select =
      fmt::format("SELECT {} FROM \"{}\"", fmt::join(columns, ", "), table.name);
  const std::string order =
      fmt::format("ORDER BY {} LIMIT {}", fmt::join(key, ", "), kCopiedRowsAtOnce);
  return {
      .first_page = fmt::format("{} {}", select, order),
      .next_page = fmt::format("{} WHERE ({}) > ({}) {}", select, fmt::join(key, ", "),
                               fmt::join(Parameters(key.size()), ", "), order),
      .insert = fmt::format("INSERT INTO \"{}\" ({}) VALUES ({})", table.name,
                            fmt::join(columns, ", "), fmt::join(Parameters(columns.size()), ", ")),
      .count = fmt::format("SELECT COUNT(*) FROM \"{}\"", table.name),
      .any = fmt::format("SELECT {} FROM \"{}\" LIMIT 1", key.front(), table.name),
  };
}

Result<std::vector<std::pair<std::string, std::int64_t>>> Versions(Transaction& transaction) {
  TRY_ASSIGN(const Rows rows,
             transaction.Query("SELECT room, version FROM schema_versions ORDER BY room"));
  std::vector<std::pair<std::string, std::int64_t>> versions;
  for (const Row& row : rows) versions.emplace_back(row.Text(0), row.Number(1));
  return versions;
}

Result<void> CheckSameVersions(Transaction& from, Transaction& to) {
  TRY_ASSIGN(const auto theirs, Versions(from));
  TRY_ASSIGN(const auto ours, Versions(to));
  if (theirs == ours) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              "the tables are of other versions: {} to copy, {} to copy into", theirs, ours);
}

Result<void> CheckEmpty(Transaction& to, const Table& table) {
  TRY_ASSIGN(const auto row, to.QueryOne(StatementsFor(table).any));
  if (!row) return {};
  return Fail(ErrorCode::kAlreadyExists, "the table {} to copy into has rows", table.name);
}

Values KeyOf(const Row& row, const Table& table) {
  Values key;
  for (const std::size_t column : table.key_columns) key.push_back(row[column]);
  return key;
}

Result<std::int64_t> CopyTable(Transaction& from, Transaction& to, const Table& table) {
  const Statements statements = StatementsFor(table);
  std::int64_t copied = 0;
  TRY_ASSIGN(Rows page, from.Query(statements.first_page));
  while (!page.empty()) {
    for (const Row& row : page) {
      Values values;
      for (std::size_t i = 0; i < row.size(); ++i) values.push_back(row[i]);
      TRY(to.Execute(statements.insert, values));
    }
    copied += static_cast<std::int64_t>(page.size());
    if (page.size() < kCopiedRowsAtOnce) break;
    TRY_ASSIGN(page, from.Query(statements.next_page, KeyOf(page.back(), table)));
  }
  // SQLite lets a key be NULL, which no page comes to; a row that is left out must not pass.
  TRY_ASSIGN(const auto count, from.QueryOne(statements.count));
  CHECK(count.has_value());
  if (count->Number(0) == copied) return copied;
  return Fail(ErrorCode::kCorrupt, "the table {} has {} rows, {} of them with a sound key",
              table.name, count->Number(0), copied);
}

Result<std::int64_t> CopyAll(Transaction& from, Transaction& to, Kind to_kind) {
  TRY(CheckSameVersions(from, to));
  TRY_ASSIGN(const std::vector<Table> tables, ListTables(to, to_kind));
  for (const Table& table : tables) TRY(CheckEmpty(to, table));
  std::int64_t copied = 0;
  for (const Table& table : tables) {
    TRY_ASSIGN(const std::int64_t rows, CopyTable(from, to, table));
    copied += rows;
  }
  return copied;
}

}  // namespace

Result<std::int64_t> CopyRows(Database& from, Database& to) {
  CHECK(&from != &to);
  return from.Read([&](Transaction& source) {
    return to.Write([&](Transaction& target) { return CopyAll(source, target, to.kind()); });
  });
}

}  // namespace holdfast::store
