#include "journal/folder_watch.h"

#include <array>
#include <utility>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace holdfast::journal {

Result<FolderWatch> FolderWatch::Open(const std::filesystem::path& folder) {
  crypto::Descriptor file(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!file.is_open()) return Fail(ErrnoError("inotify"));
  const std::uint32_t changes = IN_MODIFY | IN_CREATE | IN_MOVED_TO;
  if (::inotify_add_watch(file.number(), folder.c_str(), changes) < 0) {
    return Fail(ErrnoError("watch " + folder.string()));
  }
  return FolderWatch(std::move(file));
}

void FolderWatch::Wait(std::chrono::milliseconds time_max) {
  pollfd waits{.fd = file_.number(), .events = POLLIN, .revents = 0};
  if (::poll(&waits, 1, static_cast<int>(time_max.count())) <= 0) return;
  std::array<char, 4096> events{};
  while (::read(file_.number(), events.data(), events.size()) > 0) {
  }
}

}  // namespace holdfast::journal
