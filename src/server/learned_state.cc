#include "server/learned_state.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/owned_file.h"

namespace holdfast::server {
namespace {

constexpr std::string_view kMagic = "HFLEARN1";
constexpr std::size_t kInstanceBytes = 8;
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kHeadBytes = kMagic.size() + kInstanceBytes + kDigestBytes;
// Several times what a door of any size holds.
constexpr std::size_t kFileBytesMax = 256U << 20;

std::string InstanceBytes(std::uint64_t instance) {
  std::string bytes;
  for (std::size_t i = 0; i < kInstanceBytes; ++i) {
    bytes += static_cast<char>(instance >> (8 * i));
  }
  return bytes;
}

std::string DigestOf(std::string_view instance, std::string_view state) {
  crypto::Blake2b digest;
  digest.Update(kMagic);
  digest.Update(instance);
  digest.Update(state);
  const crypto::Digest256 bytes = digest.Finish();
  return {bytes.begin(), bytes.end()};
}

Result<std::string> ReadWhole(const std::filesystem::path& path) {
  TRY_ASSIGN(const crypto::Descriptor file, crypto::OpenOwned(path, O_RDONLY));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  if (static_cast<std::uint64_t>(status.st_size) > kFileBytesMax) {
    return Fail(ErrorCode::kCorrupt, "it has more than {} bytes", kFileBytesMax);
  }
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  TRY_ASSIGN(const std::size_t count,
             crypto::ReadAt(file.number(), path, std::as_writable_bytes(std::span(bytes)), 0));
  bytes.resize(count);
  return bytes;
}

}  // namespace

Result<std::string> LearnedStateFile::Load() const {
  TRY_ASSIGN(std::string bytes, ReadWhole(path_));
  const std::string_view all = bytes;
  if (all.size() < kHeadBytes) return Fail(ErrorCode::kCorrupt, "it is cut off");
  if (!all.starts_with(kMagic)) return Fail(ErrorCode::kUnsupported, "it is of another form");
  const std::string_view instance = all.substr(kMagic.size(), kInstanceBytes);
  const std::string_view digest = all.substr(kMagic.size() + kInstanceBytes, kDigestBytes);
  if (DigestOf(instance, all.substr(kHeadBytes)) != digest) {
    return Fail(ErrorCode::kCorrupt, "its digest is wrong");
  }
  if (instance != InstanceBytes(instance_)) {
    return Fail(ErrorCode::kUnsupported, "it is of another instance");
  }
  bytes.erase(0, kHeadBytes);
  return bytes;
}

Result<void> LearnedStateFile::Save(std::string_view state) const {
  const std::string instance = InstanceBytes(instance_);
  std::string bytes(kMagic);
  bytes += instance;
  bytes += DigestOf(instance, state);
  bytes += state;
  const std::filesystem::path next = path_.string() + ".next";
  ::unlink(next.c_str());
  TRY(crypto::MakeOwned(next, bytes));
  if (::rename(next.c_str(), path_.c_str()) != 0) {
    return Fail(ErrnoError("rename " + next.string()));
  }
  return crypto::SyncFolderOf(path_);
}

guard::Door MakeDoor(const guard::DoorOptions& options, const LearnedStateFile& file,
                     const DoorClock& clock) {
  const Result<std::string> state = file.Load();
  if (!state && state.error().code == ErrorCode::kNotFound) return guard::Door(options);
  Result<guard::Door> door = state ? guard::Door::Restore(options, *state, clock.Now())
                                   : Result<guard::Door>(Fail(state.error()));
  if (door) return *std::move(door);
  log::warn("{}: {}; the guard learns anew", file.path().string(), door.error().message);
  return guard::Door(options);
}

LearnedStateKeeper::LearnedStateKeeper(const LearnedStateFile& file,
                                       std::function<std::string()> state)
    : file_(file), state_(std::move(state)) {
  // A signal is for the thread that waits for it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LearnedStateKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stops_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LearnedStateKeeper::Run() {
  bool is_last = false;
  while (!is_last) {
    {
      std::unique_lock lock(mutex_);
      is_last = stops_.wait_for(lock, kSaveEvery, [this] { return is_stopping_; });
    }
    Save();
  }
}

void LearnedStateKeeper::Save() {
  const Result<void> saved = file_.Save(state_());
  if (!saved && !is_failing_) {
    log::warn("what the guard has learned was not saved: {}", saved.error().message);
  }
  is_failing_ = !saved;
}

}  // namespace holdfast::server
