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
#include "server/supervised_process.h"

namespace holdfast::server {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// After the drain a process gets this long to say what it cut, and to come to its end.
constexpr milliseconds kEndGrace{4'000};

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

using Processes = std::vector<SupervisedProcess>;

Result<void> Supervise(const SignalQueue& signals, Processes& processes) {
  while (true) {
    std::optional<Clock::time_point> next;
    for (SupervisedProcess& process : processes) {
      TRY(process.Advance(Clock::now()));
      const auto start_at = process.start_at();
      if (start_at && (!next || *start_at < *next)) next = start_at;
    }
    if (signals.Wait(next)) return {};
  }
}

// At most `limit` for its drain, then it is killed. A second request to stop ends the wait.
void Stop(SupervisedProcess& process, const SignalQueue& signals, milliseconds limit) {
  process.AskToEnd();
  const Clock::time_point deadline = Clock::now() + limit;
  while (!process.HasEnded()) {
    const bool asks_again = signals.Wait(deadline);
    if (asks_again || Clock::now() >= deadline) break;
  }
  if (!process.HasEnded()) process.Kill();
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
  const auto add = [&](Processes& processes, const std::string& verb) {
    std::vector<std::string> command = arguments;
    command.insert(command.begin(), verb);
    processes.emplace_back(
        verb, [command, variables] { return ChildProcess::Start(command, variables); }, policy);
  };
  // In the order in which they start. They stop in the opposite one: while the gateway drains, the
  // engine still finishes what it is asked for.
  Processes processes;
  if (config.has_own_engine) add(processes, "engine");
  add(processes, "gateway");

  const Result<void> supervised = Supervise(signals, processes);
  const milliseconds limit = std::chrono::seconds(config.up.drain_seconds_max) + kEndGrace;
  for (auto process = processes.rbegin(); process != processes.rend(); ++process) {
    Stop(*process, signals, limit);
  }
  return supervised;
}

}  // namespace holdfast::server
