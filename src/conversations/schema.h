// The tables of the room. Each released step is never changed.
#pragma once

#include <span>
#include <string_view>

#include "store/migration.h"

namespace holdfast::conversations {

inline constexpr std::string_view kRoom = "conversations";

std::span<const store::Migration> Migrations();

}  // namespace holdfast::conversations
