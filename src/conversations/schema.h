// The tables of the room. Bring them with store::Migrate(database, "conversations", Migrations()).
#pragma once

#include <span>

#include "store/migration.h"

namespace holdfast::conversations {

std::span<const store::Migration> Migrations();

}  // namespace holdfast::conversations
