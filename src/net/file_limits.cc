#include "net/file_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace holdfast::net {

Result<std::size_t> RaiseFileLimit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Fail(ErrnoError("get the limit of files"));
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Fail(ErrnoError("raise the limit of files"));
  if (limit.rlim_cur < wanted) {
    return Fail(ErrorCode::kResourceExhausted,
                "this process may open {} files, and {} may be needed; raise its hard limit "
                "(LimitNOFILE of systemd, ulimit -Hn) or lower the number of connections",
                limit.rlim_cur, wanted);
  }
  return limit.rlim_cur;
}

void ReserveFile::Take() {
  if (file_ < 0) file_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void ReserveFile::Release() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

}  // namespace holdfast::net
