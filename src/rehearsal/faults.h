// What a plan does to the service's own processes and disk: one fault, from its start to its end.
// Whatever it did is undone when it ends, also when the run ends early.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "net/awaitable.h"
#include "rehearsal/plan.h"
#include "rehearsal/stage.h"

namespace holdfast::rehearsal {

// Only a file system of at most this may be filled: it was made for it.
inline constexpr std::uint64_t kFilledBytesMax = std::uint64_t{256} << 20;

// Errors: kNotFound; kPermissionDenied: the file system of this folder is too large to fill.
[[nodiscard]] Result<void> CheckMayFill(const std::filesystem::path& folder);

// What cannot be done is logged.
net::Awaitable<void> RunFault(Stage& stage, const Group& group, Stage::Presence presence);

}  // namespace holdfast::rehearsal
