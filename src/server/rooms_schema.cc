#include "server/rooms_schema.h"

#include "accounts/migrations.h"
#include "conversations/schema.h"

namespace holdfast::server {

std::vector<RoomSchema> RoomSchemas() {
  return {{accounts::kRoom, accounts::Migrations()},
          {conversations::kRoom, conversations::Migrations()}};
}

Result<void> MigrateRooms(store::Database& database) {
  for (const auto& [room, migrations] : RoomSchemas()) {
    TRY(store::Migrate(database, room, migrations));
  }
  return {};
}

Result<void> MigrateRoomsAs(store::Database& database, store::Database& model) {
  for (const auto& [room, migrations] : RoomSchemas()) {
    TRY_ASSIGN(const std::int64_t version, store::SchemaVersion(model, room));
    const auto count = static_cast<std::int64_t>(migrations.size());
    if (version > count) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "the tables of {} are of version {}, this release knows {}: use a newer one",
                  room, version, count);
    }
    TRY(store::Migrate(database, room, migrations.first(static_cast<std::size_t>(version))));
  }
  return {};
}

}  // namespace holdfast::server
