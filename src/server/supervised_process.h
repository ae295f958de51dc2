// SupervisedProcess: one child of the supervisor with its restarts. Single-threaded: the
// supervisor's thread. The clock is passed in.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "server/child_process.h"
#include "server/restart_policy.h"

namespace holdfast::server {

class SupervisedProcess {
 public:
  using TimePoint = RestartPolicy::TimePoint;
  using Start = std::function<Result<ChildProcess>()>;

  SupervisedProcess(std::string name, Start start, const RestartPolicy& policy)
      : name_(std::move(name)), start_(std::move(start)), policy_(policy) {}

  // Starts it if its time has come; notices its death. A start that fails, as for want of memory,
  // is a death: it is tried again. Fails when the process is given up.
  [[nodiscard]] Result<void> Advance(TimePoint now);
  // When it is to be started; nullopt: it runs.
  std::optional<TimePoint> start_at() const;

  // SIGTERM, and true once it has ended.
  void AskToEnd();
  bool HasEnded();
  // SIGKILL, if it still runs.
  void Kill();

  const std::string& name() const { return name_; }

 private:
  Result<void> StartLater(TimePoint now, int exit_code);

  std::string name_;
  Start start_;
  RestartPolicy policy_;
  std::optional<ChildProcess> child_;
  TimePoint start_at_{};
};

}  // namespace holdfast::server
