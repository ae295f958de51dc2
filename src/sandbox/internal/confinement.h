// Confinement: what a process gives up before it looks at a stranger's bytes, for good. Each step
// alone would do for most of it; together one of them may have a hole.
//
//   privileges   PR_SET_NO_NEW_PRIVS, and PR_SET_DUMPABLE 0: no core, nobody traces it
//   resources    memory, processor time, no file that grows, no core, no process
//   files        Landlock: none; from ABI 4 on no TCP either, from 6 on no signals to others; no
//                new descriptor
//   system calls seccomp: a short list; any other kills the process
//
// Free functions for a process with one thread. Errors: of the system, with what failed.
#pragma once

#include "base/result.h"
#include "sandbox/job.h"

namespace holdfast::sandbox {

// 0: this kernel has no Landlock, or has it switched off.
int LandlockVersion();

// All steps in their order. A kernel without Landlock leaves that step out; any other step that
// fails is an error.
[[nodiscard]] Result<void> Confine(const JobLimits& limits);

[[nodiscard]] Result<void> GiveUpPrivileges();
// Reads how much memory is mapped, so it comes before the files go.
[[nodiscard]] Result<void> LimitResources(const JobLimits& limits);
[[nodiscard]] Result<void> GiveUpFiles();
[[nodiscard]] Result<void> GiveUpSystemCalls();

}  // namespace holdfast::sandbox
