#include "base/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/check.h"

namespace holdfast {

void SwitchOffCoreDumps() {
  // A pattern that begins with a pipe does not heed the limit; it heeds PR_SET_DUMPABLE.
  const rlimit none{0, 0};
  CHECK(::setrlimit(RLIMIT_CORE, &none) == 0);
  CHECK(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

}  // namespace holdfast
