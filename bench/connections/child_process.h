// ChildProcess: a process of this benchmark: the scripted engine, the gateway or nginx. Ends, and
// is waited for, when this goes; it also ends when the benchmark dies. Single-threaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::bench {

// Of a process and its children together.
struct ProcessUse {
  std::int64_t resident_bytes = 0;
  std::int64_t resident_bytes_peak = 0;
  double cpu_s = 0;  // User and system.
};

class ChildProcess {
 public:
  // Runs `body` in a copy of this process. Call before any thread is started.
  [[nodiscard]] static Result<ChildProcess> Fork(const std::function<void()>& body);
  // Runs a program in `folder`; its output goes to the file `log` there. `variables` are NAME=value
  // and are added to the environment, of which HOLDFAST_ names are left out.
  [[nodiscard]] static Result<ChildProcess> Execute(std::vector<std::string> arguments,
                                                    std::vector<std::string> variables,
                                                    const std::filesystem::path& folder);
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { End(); }

  pid_t pid() const { return pid_; }
  bool has_ended() const;
  ProcessUse Use() const;

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  // Asks it to end, then its children and it are killed.
  void End();

  pid_t pid_ = -1;
};

// A folder under the system's temporary one, removed with this.
class TempFolder {
 public:
  [[nodiscard]] static Result<TempFolder> Make();
  TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempFolder& operator=(TempFolder&&) = delete;
  ~TempFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Waits for a moment; for what can only be looked at again.
void Pause(std::chrono::milliseconds time);

std::string ReadText(const std::filesystem::path& path);

}  // namespace holdfast::bench
