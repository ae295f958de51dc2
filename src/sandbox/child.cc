#include "sandbox/child.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <new>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/internal/confinement.h"
#include "sandbox/internal/protocol.h"

namespace holdfast::sandbox {
namespace {

// Where the kernel runs out of memory, this process is what it takes. Best effort.
void BeTakenFirst() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  constexpr std::string_view kFirst = "1000";
  [[maybe_unused]] const ssize_t written = ::write(fd, kFirst.data(), kFirst.size());
  ::close(fd);
}

std::string_view MapInput(std::size_t bytes_max) {
  struct stat status {};
  if (::fstat(kInputFd, &status) != 0 || !S_ISREG(status.st_mode)) ::_exit(kExitNoInput);
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes > bytes_max) ::_exit(kExitNoInput);
  if (bytes == 0) return {};
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, kInputFd, 0);
  if (mapped == MAP_FAILED) ::_exit(kExitNoInput);
  return {static_cast<const char*>(mapped), bytes};
}

void WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(kOutputFd, bytes.data(), bytes.size());
    if (count <= 0) ::_exit(kExitNoReader);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

char WordOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kResourceExhausted:
      ::_exit(kExitNoMemory);
    case ErrorCode::kUnsupported:
      return kSaysUnsupported;
    case ErrorCode::kTooLarge:
      return kSaysTooLarge;
    default:
      return kSaysMalformed;
  }
}

}  // namespace

bool IsChild(int argc, char** argv) { return argc == 3 && std::strcmp(argv[1], kVerb) == 0; }

void RunChild(char** argv, JobTable jobs) {
  ::syscall(SYS_close_range, kErrorFd + 1, ~0U, 0);
  const Job* const job = FindJob(jobs, argv[2]);
  if (job == nullptr) ::_exit(kExitUnknownJob);
  BeTakenFirst();
  const std::string_view input = MapInput(job->limits.input_bytes_max);
  // Reads the zone's file now or never: libraries that convert times would open it.
  ::tzset();
  if (!Confine(job->limits)) ::_exit(kExitUnconfined);
  std::set_new_handler([] { ::_exit(kExitNoMemory); });

  const Result<std::string> output = job->run(input);
  const char word = output ? kSaysOutput : WordOf(output.error().code);
  WriteAll({&word, 1});
  WriteAll(output ? std::string_view(*output)
                  : std::string_view(output.error().message).substr(0, kMessageBytesMax));
  // Nothing that a destructor or an exit handler could do is wanted.
  ::_exit(0);
}

}  // namespace holdfast::sandbox
