#include "rehearsal/faults.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include <sys/statvfs.h>

#include "base/log.h"
#include "rehearsal/process.h"

namespace holdfast::rehearsal {
namespace {

namespace fs = std::filesystem;

// A slowed process runs for its share of each of these.
constexpr Micros kSlowEach = 50'000;
// What the service frees is taken again.
constexpr Micros kFillEvery = 100'000;
constexpr std::size_t kFillBytes = std::size_t{1} << 16;

Micros ToMicros(double seconds) { return static_cast<Micros>(seconds * 1e6); }

// A process that was stopped goes on when this goes, however the run ends.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) {}
  ~Stopped() { static_cast<void>(ContinueProcess(pid_)); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  const pid_t pid_;
};

net::Awaitable<Result<void>> Stop(Stage& stage, pid_t pid, Micros until) {
  CO_TRY(StopProcess(pid));
  const Stopped stopped(pid);
  co_await stage.SleepUntil(until);
  co_return Result<void>{};
}

net::Awaitable<Result<void>> Slow(Stage& stage, pid_t pid, double run_share, Micros until) {
  const auto stopped_for = static_cast<Micros>((1 - run_share) * kSlowEach);
  for (Micros from = stage.Now(); from < until && !stage.IsOver(); from += kSlowEach) {
    CO_TRY(co_await Stop(stage, pid, from + stopped_for));
    co_await stage.SleepUntil(from + kSlowEach);
  }
  co_return Result<void>{};
}

// A file that takes all room there is, and gives it back when this goes.
class Filling {
 public:
  explicit Filling(const fs::path& folder) : path_(folder / "rehearsal-fill") {}
  ~Filling() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  // Small pieces at the end, so that nothing is left over.
  void TakeAll() {
    for (std::size_t bytes = kFillBytes; bytes > 0; bytes /= 8) {
      std::ofstream file(path_, std::ios::binary | std::ios::app);
      const std::string piece(bytes, 'x');
      while (file.write(piece.data(), static_cast<std::streamsize>(bytes)).flush()) continue;
    }
  }

 private:
  const fs::path path_;
};

net::Awaitable<Result<void>> FillDisk(Stage& stage, const fs::path& folder, Micros until) {
  CO_TRY(CheckMayFill(folder));
  Filling filling(folder);
  while (stage.Now() < until && !stage.IsOver()) {
    filling.TakeAll();
    co_await stage.SleepUntil(std::min(stage.Now() + kFillEvery, until));
  }
  co_return Result<void>{};
}

net::Awaitable<Result<void>> Do(Stage& stage, const Group& group) {
  const Micros until = ToMicros(group.end_s);
  if (group.kind == GroupKind::kFillDisk) {
    co_return co_await FillDisk(stage, group.folder, until);
  }
  const pid_t pid = stage.plan().processes.at(group.process);
  if (group.kind == GroupKind::kKill) co_return KillProcess(pid);
  if (group.kind == GroupKind::kStop) co_return co_await Stop(stage, pid, until);
  co_return co_await Slow(stage, pid, group.run_share, until);
}

}  // namespace

Result<void> CheckMayFill(const std::filesystem::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) {
    return Fail(ErrorCode::kNotFound, "{}: no such folder", folder.string());
  }
  if (status.f_blocks * status.f_frsize <= kFilledBytesMax) return {};
  return Fail(ErrorCode::kPermissionDenied,
              "{}: its file system is larger than {} MiB: only one made for it is filled",
              folder.string(), kFilledBytesMax >> 20);
}

net::Awaitable<void> RunFault(Stage& stage, const Group& group, Stage::Presence /*presence*/) {
  co_await stage.SleepUntil(ToMicros(group.start_s));
  const Result<void> done = co_await Do(stage, group);
  if (!done) log::warn("drill: {}", done.error().message);
}

}  // namespace holdfast::rehearsal
