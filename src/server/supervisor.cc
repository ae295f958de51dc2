#include "server/supervisor.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "server/child_process.h"
#include "server/restart_policy.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// After the drain a process gets this long to come to its end.
constexpr milliseconds kEndGrace{2'000};

// The signals that the supervisor waits for, as a file descriptor.
class SignalQueue {
 public:
  static Result<SignalQueue> Open() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return Fail(ErrnoError("signalfd"));
    return SignalQueue(fd);
  }
  SignalQueue(SignalQueue&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  SignalQueue& operator=(SignalQueue&&) = delete;
  ~SignalQueue() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Waits until a signal comes or the deadline passes. True: one of them asks us to stop.
  bool Wait(std::optional<Clock::time_point> deadline) const {
    int timeout_ms = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<milliseconds>(*deadline - Clock::now());
      timeout_ms = static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
    }
    pollfd entry{fd_, POLLIN, 0};
    ::poll(&entry, 1, timeout_ms);
    bool asks_to_stop = false;
    signalfd_siginfo info{};
    while (::read(fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      asks_to_stop = asks_to_stop || info.ssi_signo != SIGCHLD;
    }
    return asks_to_stop;
  }

 private:
  explicit SignalQueue(int fd) : fd_(fd) {}
  int fd_;
};

// One child with its restarts.
class Service {
 public:
  Service(std::string verb, std::vector<std::string> arguments, ChildProcess::Variables variables,
          const RestartPolicy& policy)
      : verb_(std::move(verb)),
        arguments_(std::move(arguments)),
        variables_(std::move(variables)),
        policy_(policy) {
    arguments_.insert(arguments_.begin(), verb_);
  }

  // Starts it if its time has come; notices its death. Fails when it is given up.
  Result<void> Advance() {
    const Clock::time_point now = Clock::now();
    if (child_) {
      const std::optional<int> exit = child_->TakeExit();
      if (!exit) return {};
      child_.reset();
      const std::optional<milliseconds> wait = policy_.Died(now, *exit);
      if (!wait) {
        return Fail(ErrorCode::kFailedPrecondition, "the {} cannot run, see above", verb_);
      }
      if (*exit == 0) {
        log::info("the {} was stopped, starting it again in {} ms", verb_, wait->count());
      } else {
        log::warn("the {} ended with {}, starting it again in {} ms", verb_, *exit, wait->count());
      }
      start_at_ = now + *wait;
    }
    if (now < start_at_) return {};
    TRY_ASSIGN(child_, ChildProcess::Start(arguments_, variables_));
    policy_.Started(now);
    log::info("started the {}, process {}", verb_, child_->pid());
    return {};
  }

  std::optional<Clock::time_point> start_at() const {
    if (child_) return std::nullopt;
    return start_at_;
  }

  // SIGTERM, at most `limit` for its drain, then SIGKILL. A second request to stop ends the wait.
  void Stop(const SignalQueue& signals, milliseconds limit) {
    if (!child_) return;
    child_->Signal(SIGTERM);
    const Clock::time_point deadline = Clock::now() + limit;
    while (!child_->TakeExit()) {
      const bool asks_again = signals.Wait(deadline);
      if (!asks_again && Clock::now() < deadline) continue;
      if (child_->TakeExit()) break;
      log::warn("the {} did not end in time and is killed", verb_);
      break;
    }
    child_.reset();
  }

 private:
  std::string verb_;
  std::vector<std::string> arguments_;
  ChildProcess::Variables variables_;
  RestartPolicy policy_;
  std::optional<ChildProcess> child_;
  Clock::time_point start_at_{};
};

Result<void> Supervise(const SignalQueue& signals, Service& engine, Service& gateway) {
  while (true) {
    TRY(engine.Advance());
    TRY(gateway.Advance());
    std::optional<Clock::time_point> next = engine.start_at();
    if (const auto other = gateway.start_at(); other && (!next || *other < *next)) next = other;
    if (signals.Wait(next)) return {};
  }
}

}  // namespace

Result<void> RunSupervisor(const Config& config, const std::string& config_path) {
  TRY_ASSIGN(const SignalQueue signals, SignalQueue::Open());
  TRY_ASSIGN(const net::Endpoint engine_endpoint, EngineEndpoint(config));
  // What the command line changed reaches the children as environment.
  const ChildProcess::Variables variables = {
      {"HOLDFAST_MODEL_PATH", config.model.path},
      {"HOLDFAST_MODEL_NAME", config.model.name},
      {"HOLDFAST_ENGINE_LISTEN", engine_endpoint.ToString()},
      {"HOLDFAST_GATEWAY_LISTEN", config.gateway.listen},
  };
  std::vector<std::string> arguments;
  if (!config_path.empty()) arguments = {"--config", config_path};
  const RestartPolicy policy(milliseconds(config.up.restart_ms_min),
                             milliseconds(config.up.restart_ms_max));
  Service engine("engine", arguments, variables, policy);
  Service gateway("gateway", arguments, variables, policy);

  const Result<void> supervised = Supervise(signals, engine, gateway);
  // The gateway first: while it drains, the engine still finishes what it is asked for.
  const milliseconds limit = std::chrono::seconds(config.up.drain_seconds_max) + kEndGrace;
  gateway.Stop(signals, limit);
  engine.Stop(signals, limit);
  return supervised;
}

}  // namespace holdfast::server
