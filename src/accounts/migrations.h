// The tables of accounts. Each released step is never changed.
#pragma once

#include <span>

#include "store/migration.h"

namespace holdfast::accounts {

inline constexpr std::string_view kRoom = "accounts";

std::span<const store::Migration> Migrations();

}  // namespace holdfast::accounts
