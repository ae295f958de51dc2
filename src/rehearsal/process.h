// Processes of one's own, named by a plan: whether they are ours, what memory they hold, and the
// signals that faults are made of. Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::rehearsal {

// Errors: kPermissionDenied: no such process, the system's first one, this one, or one of another
// user.
[[nodiscard]] Result<void> CheckOurs(std::string_view name, pid_t pid);

// Resident memory; nullopt when it is gone.
std::optional<std::uint64_t> ResidentKib(pid_t pid);

// Looks again whose it is. Errors: kPermissionDenied, kNotFound.
[[nodiscard]] Result<void> StopProcess(pid_t pid);
[[nodiscard]] Result<void> ContinueProcess(pid_t pid);
[[nodiscard]] Result<void> KillProcess(pid_t pid);

// The calling thread runs on that core alone. Errors: kOutOfRange (no such core).
[[nodiscard]] Result<void> PinThread(int core);

}  // namespace holdfast::rehearsal
