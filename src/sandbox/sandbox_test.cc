// Each thing that a job may not do, done by a job. The program is its own sandbox's child, so its
// main is here.
#include "sandbox/sandbox.h"
#include "sandbox/testing/test_main.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/internal/confinement.h"
#include "sandbox/internal/protocol.h"

namespace holdfast::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitsMemory = false;
#else
constexpr bool kLimitsMemory = true;
#endif

constexpr std::size_t kMiB = 1 << 20;
constexpr JobLimits kLimits{.input_bytes_max = kMiB,
                            .output_bytes_max = kMiB,
                            .memory_bytes_max = 64 * kMiB,
                            .processor_time_max = seconds(60),
                            .time_max = seconds(60)};

using Text = Result<std::string>;

Text Tried(std::int64_t result) { return fmt::format("{}", result); }

Text Echo(std::string_view input) { return std::string(input); }
Text Refuse(std::string_view input) {
  return Fail(ErrorCode::kTooLarge, "it is \x1b[31m{}", input);
}
Text RefuseAtLength(std::string_view) {
  return Fail(ErrorCode::kInvalidArgument, "{}", std::string(4096, 'x'));
}

Text OpenFile(std::string_view) { return Tried(::open("/etc/passwd", O_RDONLY)); }
Text MakeFile(std::string_view) { return Tried(::open("/tmp/x", O_WRONLY | O_CREAT, 0600)); }
Text Connect(std::string_view) { return Tried(::socket(AF_INET, SOCK_STREAM, 0)); }
Text Exec(std::string_view) {
  std::string program = "/bin/true";
  char* const argv[] = {program.data(), nullptr};
  return Tried(::execve(program.c_str(), argv, nullptr));
}
Text Fork(std::string_view) { return Tried(::fork()); }
Text MakeThread(std::string_view) {
  std::thread([] {}).join();
  return "made";
}
Text KillParent(std::string_view) { return Tried(::kill(::getppid(), 0)); }
Text MakeCode(std::string_view) {
  void* const page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Tried(page == MAP_FAILED ? -1 : 0);
}
Text ReadElsewhere(std::string_view) {
  char byte = 0;
  return Tried(::read(7, &byte, 1));
}
Text BecomeTraceable(std::string_view) { return Tried(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }

Text Allocate(std::string_view) {
  std::string big(std::size_t{10} << 30, 'x');
  return big.substr(0, 1);
}
Text AllocateBySteps(std::string_view) {
  std::vector<std::unique_ptr<std::string>> all;
  while (true) all.push_back(std::make_unique<std::string>(kMiB, 'x'));
}
Text RunOutOfMemory(std::string_view) {
  return Fail(ErrorCode::kResourceExhausted, "no memory for it");
}
Text Spin(std::string_view) {
  for (std::atomic<bool> ever = true; ever;) {
  }
  return "";
}
Text WriteForEver(std::string_view) {
  const std::string part(1 << 16, 'x');
  while (::write(kOutputFd, part.data(), part.size()) > 0) {
  }
  return "";
}
Text ReturnMuch(std::string_view) { return std::string(kMiB + 1, 'x'); }
Text Crash(std::string_view) { std::abort(); }
Text LeaveEarly(std::string_view) { ::_exit(0); }
Text LeaveStrangely(std::string_view) { ::_exit(9); }
Text LeaveHalfway(std::string_view) {
  [[maybe_unused]] const ssize_t written = ::write(kOutputFd, "ohalf", 5);
  ::_exit(kExitNoMemory);
}
Text SpeakStrangely(std::string_view) {
  [[maybe_unused]] const ssize_t written = ::write(kOutputFd, "?", 1);
  ::_exit(0);
}
Text TellTime(std::string_view) {
  std::tm parts{};
  parts.tm_mday = 2;
  parts.tm_year = 70;
  return fmt::format("{}", std::mktime(&parts));
}

constexpr JobLimits With(JobLimits limits, milliseconds time_max, seconds processor_time_max) {
  limits.time_max = time_max;
  limits.processor_time_max = processor_time_max;
  return limits;
}

constexpr Job kJobs[] = {
    {"echo", Echo, kLimits},
    {"refuse", Refuse, kLimits},
    {"refuse_at_length", RefuseAtLength, kLimits},
    {"open_file", OpenFile, kLimits},
    {"make_file", MakeFile, kLimits},
    {"connect", Connect, kLimits},
    {"exec", Exec, kLimits},
    {"fork", Fork, kLimits},
    {"make_thread", MakeThread, kLimits},
    {"kill_parent", KillParent, kLimits},
    {"make_code", MakeCode, kLimits},
    {"read_elsewhere", ReadElsewhere, kLimits},
    {"become_traceable", BecomeTraceable, kLimits},
    {"allocate", Allocate, kLimits},
    {"allocate_by_steps", AllocateBySteps, kLimits},
    {"run_out_of_memory", RunOutOfMemory, kLimits},
    {"spin", Spin, With(kLimits, milliseconds(300), seconds(60))},
    {"spin_long", Spin, With(kLimits, seconds(60), seconds(1))},
    {"spin_until_stopped", Spin, kLimits},
    {"write_for_ever", WriteForEver, kLimits},
    {"return_much", ReturnMuch, kLimits},
    {"crash", Crash, kLimits},
    {"leave_early", LeaveEarly, kLimits},
    {"leave_strangely", LeaveStrangely, kLimits},
    {"leave_halfway", LeaveHalfway, kLimits},
    {"speak_strangely", SpeakStrangely, kLimits},
    {"tell_time", TellTime, kLimits},
};

// No job that our child's program knows.
constexpr Job kUnknown[] = {{"unknown", Echo, kLimits}};

std::unique_ptr<Sandbox> Opened(std::size_t children_max = 2) {
  return *Sandbox::Open(kJobs, {.children_max = children_max});
}

bool HasChild() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

TEST(Sandbox, GivesTheBytesToTheJobAndItsBytesBack) {
  const auto sandbox = Opened();
  for (const std::string& input : {std::string(), std::string("a\0b", 3), std::string(kMiB, 'x')}) {
    const Output output = sandbox->Run("echo", input);
    ASSERT_TRUE(output) << output.error().error.message;
    EXPECT_EQ(*output, input);
  }
  EXPECT_EQ(sandbox->Run("tell_time", "").value_or("none"), "86400") << "without the zone's file";
}

TEST(Sandbox, EndsEachJobThatDoesWhatItMayNotAndGoesOn) {
  const struct {
    std::string_view job;
    Ending ending;
  } cases[] = {
      {"open_file", Ending::kForbidden},
      {"make_file", Ending::kForbidden},
      {"connect", Ending::kForbidden},
      {"exec", Ending::kForbidden},
      {"fork", Ending::kForbidden},
      {"make_thread", Ending::kForbidden},
      {"kill_parent", Ending::kForbidden},
      {"make_code", Ending::kForbidden},
      {"read_elsewhere", Ending::kForbidden},
      {"become_traceable", Ending::kForbidden},
      {"run_out_of_memory", Ending::kTooMuchMemory},
      {"spin", Ending::kTooSlow},
      {"spin_long", Ending::kTooSlow},
      {"write_for_ever", Ending::kOutputTooLarge},
      {"return_much", Ending::kOutputTooLarge},
      {"crash", Ending::kDied},
      {"leave_early", Ending::kDied},
      {"leave_strangely", Ending::kDied},
      {"leave_halfway", Ending::kTooMuchMemory},
      {"speak_strangely", Ending::kDied},
      {"refuse", Ending::kRefused},
  };
  const auto sandbox = Opened();
  for (const auto& [job, ending] : cases) {
    const Output output = sandbox->Run(job, "red");
    ASSERT_FALSE(output) << job << " says " << *output;
    EXPECT_EQ(static_cast<int>(output.error().ending), static_cast<int>(ending))
        << job << ": " << output.error().error.message;
    EXPECT_FALSE(HasChild()) << job;
    EXPECT_EQ(sandbox->Run("echo", "on").value_or("dead"), "on") << "after " << job;
  }
}

TEST(Sandbox, EndsAJobThatTakesTooMuchMemory) {
  if (!kLimitsMemory) GTEST_SKIP() << "sanitizers map terabytes for themselves";
  const auto sandbox = Opened();
  for (const char* job : {"allocate", "allocate_by_steps"}) {
    const Output output = sandbox->Run(job, "");
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().ending, Ending::kTooMuchMemory) << output.error().error.message;
  }
}

TEST(Sandbox, TellsAJobsErrorShortAndPrintable) {
  const auto sandbox = Opened();
  const Output refused = sandbox->Run("refuse",
                                      "r\xc3\xa9"
                                      "d");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(refused.error().error.message, "it is ?[31mr??d");
  EXPECT_EQ(sandbox->Run("refuse_at_length", "").error().error.message.size(), kMessageBytesMax);
}

TEST(Sandbox, StartsNoChildForMoreThanTheJobTakes) {
  const auto sandbox = Opened();
  const Output output = sandbox->Run("echo", std::string(kMiB + 1, 'x'));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().ending, Ending::kInputTooLarge);
}

TEST(Sandbox, SaysWhenTheChildDoesNotKnowTheJob) {
  const auto sandbox = *Sandbox::Open(kUnknown, {});
  const Output output = sandbox->Run("unknown", "");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().ending, Ending::kNotStarted);
}

TEST(Sandbox, RefusesMoreChildrenThanItMayHaveAndStopsThem) {
  const auto sandbox = Opened(2);
  std::atomic<int> stopped = 0;
  std::atomic<int> busy = 0;
  const auto count = [&](const Output& output) {
    if (output) return;
    if (output.error().ending == Ending::kStopped) ++stopped;
    if (output.error().ending == Ending::kBusy) ++busy;
  };
  // Of three at once one finds no place; the others run until they are stopped.
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      count(sandbox->Run("spin_until_stopped", ""));
      // Whoever is refused first ends the others.
      sandbox->Stop();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(busy, 1);
  EXPECT_EQ(stopped, 2);
  EXPECT_FALSE(HasChild());
  EXPECT_EQ(sandbox->Run("echo", "").error().ending, Ending::kStopped);
}

// The layers one by one: what the filter of system calls would end anyway is refused without it.
int Files() {
  if (!GiveUpPrivileges() || !GiveUpFiles()) return 1;
  if (::open("/etc/passwd", O_RDONLY) >= 0 || errno != EMFILE) return 2;
  if (LandlockVersion() == 0) return 0;
  // Without a descriptor, by the path alone.
  return ::mkdir("/tmp/holdfast-sandbox-test", 0700) < 0 && errno == EACCES ? 0 : 3;
}

int Network() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (!GiveUpPrivileges() || !GiveUpFiles()) return 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  return result < 0 && errno == EACCES ? 0 : 2;
}

int Privileges() {
  if (!GiveUpPrivileges()) return 1;
  const bool has_none = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  return has_none && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2;
}

int Resources() {
  if (!LimitResources(kLimits)) return 1;
  if (!GiveUpPrivileges() || !GiveUpFiles()) return 1;
  constexpr std::pair<__rlimit_resource, rlim_t> kWanted[] = {
      {RLIMIT_CPU, 60}, {RLIMIT_FSIZE, 0}, {RLIMIT_CORE, 0}, {RLIMIT_NPROC, 0}, {RLIMIT_NOFILE, 3}};
  for (const auto& [resource, wanted] : kWanted) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    if (limit.rlim_cur != wanted) return 2;
  }
  rlimit memory{};
  ::getrlimit(RLIMIT_AS, &memory);
  return kLimitsMemory && memory.rlim_max == RLIM_INFINITY ? 3 : 0;
}

// In a child of its own; its exit code.
int Alone(int (*layer)()) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(layer());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Confinement, HoldsLayerByLayer) {
  EXPECT_EQ(Alone(Privileges), 0);
  EXPECT_EQ(Alone(Files), 0);
  EXPECT_EQ(Alone(Resources), 0);
}

TEST(Confinement, LeavesNoTcpWhereLandlockKnowsIt) {
  if (LandlockVersion() < 4) GTEST_SKIP() << "Landlock of this kernel knows no network";
  EXPECT_EQ(Alone(Network), 0);
}

}  // namespace
}  // namespace holdfast::sandbox

int main(int argc, char** argv) {
  return holdfast::sandbox::testing::TestMain(argc, argv, holdfast::sandbox::kJobs);
}
