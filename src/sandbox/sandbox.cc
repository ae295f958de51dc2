#include "sandbox/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "sandbox/internal/confinement.h"
#include "sandbox/internal/protocol.h"
#include "sandbox/internal/worker.h"

namespace holdfast::sandbox {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

template <typename... Args>
std::unexpected<Failure> End(Ending ending, ErrorCode code, fmt::format_string<Args...> format,
                             Args&&... args) {
  return std::unexpected(Failure{ending, MakeError(code, format, std::forward<Args>(args)...)});
}

std::unexpected<Failure> EndSlow(const Job& job) {
  return End(Ending::kTooSlow, ErrorCode::kDeadlineExceeded, "job {}: more than {} ms", job.name,
             job.limits.time_max.count());
}

// A place among those that run; it is given back when this goes.
class Place {
 public:
  explicit Place(std::atomic<std::size_t>& running) : running_(running), number_(++running) {}
  ~Place() { --running_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // From 1 on.
  std::size_t number() const { return number_; }

 private:
  std::atomic<std::size_t>& running_;
  const std::size_t number_;
};

// A child that runs, and until when.
struct Watch {
  const Job& job;
  Worker& worker;
  Clock::time_point deadline;
  int stop_fd;
};

// Until `fd` is readable, or its other end is gone.
std::expected<void, Failure> AwaitReadable(const Watch& watch, int fd) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(watch.deadline - Clock::now());
    if (left.count() <= 0) return EndSlow(watch.job);
    std::array<pollfd, 2> entries{pollfd{fd, POLLIN, 0}, pollfd{watch.stop_fd, POLLIN, 0}};
    const int count = ::poll(entries.data(), entries.size(), static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) {
      return std::unexpected(Failure{Ending::kNotStarted, ErrnoError("poll")});
    }
    if (count <= 0) continue;
    if (entries[1].revents != 0) {
      return End(Ending::kStopped, ErrorCode::kCancelled, "job {}: stopped", watch.job.name);
    }
    return {};
  }
}

// All that it writes, with the first byte.
Output ReadOutput(const Watch& watch) {
  constexpr std::size_t kPartBytes = 64 << 10;
  const std::size_t bytes_max = watch.job.limits.output_bytes_max + 1;
  std::string output;
  while (true) {
    const auto readable = AwaitReadable(watch, watch.worker.output_fd());
    if (!readable) return std::unexpected(readable.error());
    const std::size_t before = output.size();
    output.resize(before + kPartBytes);
    const ssize_t count = ::read(watch.worker.output_fd(), output.data() + before, kPartBytes);
    output.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return output;
    if (output.size() > bytes_max) {
      return End(Ending::kOutputTooLarge, ErrorCode::kTooLarge, "job {}: wrote more than {} bytes",
                 watch.job.name, watch.job.limits.output_bytes_max);
    }
  }
}

Failure WhyItDied(const Job& job, int signal) {
  switch (signal) {
    case SIGSYS:
      return {Ending::kForbidden, MakeError(ErrorCode::kPermissionDenied,
                                            "job {}: made a forbidden system call", job.name)};
    case SIGXCPU:
      return {Ending::kTooSlow,
              MakeError(ErrorCode::kDeadlineExceeded, "job {}: more than {} s of processor time",
                        job.name, job.limits.processor_time_max.count())};
    default:
      return {Ending::kDied,
              MakeError(ErrorCode::kInternal, "job {}: died of signal {}", job.name, signal)};
  }
}

Failure WhyItLeft(const Job& job, int exit_code) {
  switch (exit_code) {
    case kExitNoMemory:
      return {Ending::kTooMuchMemory,
              MakeError(ErrorCode::kResourceExhausted, "job {}: more than {} bytes of memory",
                        job.name, job.limits.memory_bytes_max)};
    case kExitUnknownJob:
    case kExitNoInput:
    case kExitUnconfined:
    case kExitNoProgram:
      return {Ending::kNotStarted,
              MakeError(ErrorCode::kInternal, "job {}: the child could not begin, exit code {}",
                        job.name, exit_code)};
    default:
      return {Ending::kDied, MakeError(ErrorCode::kInternal, "job {}: the child left with code {}",
                                       job.name, exit_code)};
  }
}

std::optional<Failure> WhyNoAnswer(const Job& job, int status) {
  if (WIFSIGNALED(status)) return WhyItDied(job, WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return WhyItLeft(job, WEXITSTATUS(status));
  return std::nullopt;
}

std::optional<ErrorCode> CodeOf(char word) {
  switch (word) {
    case kSaysMalformed:
      return ErrorCode::kInvalidArgument;
    case kSaysUnsupported:
      return ErrorCode::kUnsupported;
    case kSaysTooLarge:
      return ErrorCode::kTooLarge;
    default:
      return std::nullopt;
  }
}

// The child may be anybody's by now, so its words are nothing but short and printable.
std::string Printable(std::string text) {
  text.resize(std::min(text.size(), kMessageBytesMax));
  std::ranges::replace_if(
      text, [](char letter) { return letter < ' ' || letter > '~'; }, '?');
  return text;
}

Output ReadAnswer(const Job& job, std::string answer) {
  const char word = answer.empty() ? '\0' : answer.front();
  if (!answer.empty()) answer.erase(0, 1);
  if (word == kSaysOutput) return answer;
  const std::optional<ErrorCode> code = CodeOf(word);
  if (!code) {
    return End(Ending::kDied, ErrorCode::kCorrupt, "job {}: its output is no answer", job.name);
  }
  return std::unexpected(Failure{Ending::kRefused, Error{*code, Printable(std::move(answer))}});
}

Output RunWatched(const Watch& watch) {
  Output output = ReadOutput(watch);
  if (!output) return output;
  // It has closed its output: what is left is its end.
  const auto ended = AwaitReadable(watch, watch.worker.ended_fd());
  if (!ended) return std::unexpected(ended.error());
  if (auto failure = WhyNoAnswer(watch.job, watch.worker.Reap())) {
    return std::unexpected(std::move(*failure));
  }
  return ReadAnswer(watch.job, std::move(*output));
}

}  // namespace

Result<std::unique_ptr<Sandbox>> Sandbox::Open(JobTable jobs, const SandboxOptions& options) {
  const int stop_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) return Fail(ErrnoError("eventfd"));
  if (LandlockVersion() == 0) {
    log::warn("this kernel has no Landlock: uploaded files are read under seccomp alone");
  }
  return std::unique_ptr<Sandbox>(new Sandbox(jobs, options, stop_fd));
}

Sandbox::~Sandbox() { ::close(stop_fd_); }

Output Sandbox::Run(std::string_view job_name, std::string_view input) {
  const Job* const job = FindJob(jobs_, job_name);
  CHECK_MSG(job != nullptr, "no job '{}'", job_name);
  if (input.size() > job->limits.input_bytes_max) {
    return End(Ending::kInputTooLarge, ErrorCode::kTooLarge, "job {}: {} bytes; at most {}",
               job->name, input.size(), job->limits.input_bytes_max);
  }
  const Place place(running_);
  if (place.number() > options_.children_max) {
    return End(Ending::kBusy, ErrorCode::kResourceExhausted, "job {}: {} children run already",
               job->name, options_.children_max);
  }
  const Clock::time_point deadline = Clock::now() + job->limits.time_max;
  Result<Worker> worker = Worker::Start(job->name, input);
  if (!worker) return std::unexpected(Failure{Ending::kNotStarted, worker.error()});
  return RunWatched({*job, *worker, deadline, stop_fd_});
}

void Sandbox::Stop() {
  constexpr std::uint64_t kOne = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &kOne, sizeof(kOne));
}

}  // namespace holdfast::sandbox
