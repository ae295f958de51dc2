// RoomsSchema: the one list of the rooms that have tables, and how their tables came to be. The
// gateway, what operators do, and backups all go by it. Free functions; thread-safe; they block.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/migration.h"

namespace holdfast::server {

struct RoomSchema {
  std::string_view room;
  std::span<const store::Migration> migrations;
};

// A room comes after those that its tables refer to.
std::vector<RoomSchema> RoomSchemas();

// Brings the tables of every room up to date. Errors: as of store::Migrate.
[[nodiscard]] Result<void> MigrateRooms(store::Database& database);

// Brings them to the versions that `model` has, which may be of an older release. Errors:
// kFailedPrecondition, when `model` is of a newer release or `database` past those versions; others
// as of store::Migrate.
[[nodiscard]] Result<void> MigrateRoomsAs(store::Database& database, store::Database& model);

}  // namespace holdfast::server
