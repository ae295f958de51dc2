// What the guard's door has learned (guard::Door::Save), kept in a file over restarts:
// docs/formats/learned-state.md. LearnedStateFile is immutable and thread-compatible; the keeper
// has one thread, from when it is made until Stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "guard/door.h"
#include "server/door_clock.h"

namespace holdfast::server {

class LearnedStateFile {
 public:
  // `instance`: what is written with another one is foreign.
  LearnedStateFile(std::filesystem::path path, std::uint64_t instance)
      : path_(std::move(path)), instance_(instance) {}

  // Errors: kNotFound; kCorrupt; kUnsupported, of another form or instance; of the system.
  [[nodiscard]] Result<std::string> Load() const;
  // The file holds this one or the one before, whenever the machine stops. Errors: of the system.
  [[nodiscard]] Result<void> Save(std::string_view state) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
  const std::uint64_t instance_;
};

// With what was learned; one that knows nothing where that is missing or of no use, and then the
// log says why.
guard::Door MakeDoor(const guard::DoorOptions& options, const LearnedStateFile& file,
                     const DoorClock& clock);

// Saves what `state` says each minute, and when it is stopped. What cannot be saved is said once in
// the log, and tried again.
class LearnedStateKeeper {
 public:
  static constexpr std::chrono::seconds kSaveEvery{60};

  // `file` and what `state` asks must outlive it.
  LearnedStateKeeper(const LearnedStateFile& file, std::function<std::string()> state);
  ~LearnedStateKeeper() { Stop(); }
  LearnedStateKeeper(const LearnedStateKeeper&) = delete;
  LearnedStateKeeper& operator=(const LearnedStateKeeper&) = delete;

  void Stop();

 private:
  void Run();
  void Save();

  const LearnedStateFile& file_;
  const std::function<std::string()> state_;
  std::mutex mutex_;
  std::condition_variable stops_;
  bool is_stopping_ = false;
  bool is_failing_ = false;  // The thread's.
  std::thread thread_;
};

}  // namespace holdfast::server
