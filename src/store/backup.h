// CopyRows: everything that one database holds into another, of the same kind or not: a backup is
// a copy into a file of SQLite, a restore the copy back, and a move to PostgreSQL the same again.
// It works because types are BIGINT and TEXT only.
//
//   TRY(Migrate(*file, room, migrations));  // For each room; as `database` has it.
//   TRY(CopyRows(*database, *file));
//
// The copy is one state of the source, as it was at one moment, while others go on writing there;
// the target gets all of it, in one transaction, or nothing. Rows pass in pages, so that memory
// holds kCopiedRowsAtOnce of them. While it lasts, a source in SQLite cannot shorten its log, which
// grows by what is written meanwhile.
//
// Thread-safe; blocks for as long as the copy takes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "store/database.h"

namespace holdfast::store {

inline constexpr std::size_t kCopiedRowsAtOnce = 128;

// Every table of `to`, which must be of the same versions and hold no row; more tables of `from`
// are not looked at. A table has a primary key and does not refer to itself. Returns the count of
// rows. Errors: kFailedPrecondition (versions differ), kAlreadyExists (there are rows), kCorrupt (a
// row was not found by its key), kUnsupported (no primary key), those of Database.
[[nodiscard]] Result<std::int64_t> CopyRows(Database& from, Database& to);

}  // namespace holdfast::store
