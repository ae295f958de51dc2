// The child's side: what a program does first in its main, so that it can be its own sandbox.
//
//   if (sandbox::IsChild(argc, argv)) sandbox::RunChild(argv, jobs);
//
// Before any thread is made: the confinement is of the calling thread.
#pragma once

#include "sandbox/job.h"

namespace holdfast::sandbox {

// Started by a Sandbox, to run one job.
bool IsChild(int argc, char** argv);

// Confines this process, runs the job over descriptor 0 and answers on descriptor 1.
[[noreturn]] void RunChild(char** argv, JobTable jobs);

}  // namespace holdfast::sandbox
