#include "base/core_dumps.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast {
namespace {

TEST(CoreDumps, AProcessThatSwitchedThemOffLeavesNoneAndIsNotTraced) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    SwitchOffCoreDumps();
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    if (limit.rlim_max != 0 || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) ::_exit(1);
    std::abort();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  EXPECT_FALSE(WCOREDUMP(status));
}

}  // namespace
}  // namespace holdfast
