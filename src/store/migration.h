// Migrations: how the tables of a room came to be what they are. Each is a step forward from one
// version to the next; there is no way back. A released step is never changed.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace holdfast::store {

struct Migration {
  std::string_view name;  // "sessions remember their device"
  std::vector<std::string_view> statements;
};

// Brings the tables of `room` to the last of `migrations`; version N is what the first N have made.
// All steps that are missing happen, or none. Errors: kFailedPrecondition when the database is of a
// newer release; those of Database.
[[nodiscard]] Result<void> Migrate(Database& database, std::string_view room,
                                   std::span<const Migration> migrations);

// How many of them have been done.
[[nodiscard]] Result<std::int64_t> SchemaVersion(Database& database, std::string_view room);

}  // namespace holdfast::store
