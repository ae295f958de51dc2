// Tables: what a database says of its own tables, asked in the dialect of its kind. Of the room and
// what copies whole databases. Free functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace holdfast::store {

struct Table {
  std::string name;
  std::vector<std::string> columns;      // In the order of the table.
  std::vector<std::size_t> key_columns;  // The primary key's, as indices of `columns`.
};

// Those that a migration made, in the order in which they were made: what a table refers to comes
// before it. Without the table of versions.
[[nodiscard]] Result<std::vector<Table>> ListTables(Transaction& transaction, Kind kind);

}  // namespace holdfast::store
