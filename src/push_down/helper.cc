#include "push_down/helper.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "push_down/nft_set.h"
#include "push_down/rights.h"

namespace holdfast::push_down {
namespace {

constexpr std::size_t kAnswerBytesMax = 256;
// An answer begins with its code, then a blank and words for the operator.
constexpr char kOk = '+';
constexpr char kNever = 'n';
constexpr char kDenied = 'd';
constexpr char kFailed = 'f';

void Answer(int socket, char code, std::string_view words = {}) {
  std::string text = fmt::format("{} {}", code, words);
  text.resize(std::min(text.size(), kAnswerBytesMax));
  static_cast<void>(::send(socket, text.data(), text.size(), MSG_NOSIGNAL));
}

void Answer(int socket, const Result<void>& done) {
  if (done) return Answer(socket, kOk);
  const bool is_denied = done.error().code == ErrorCode::kPermissionDenied;
  Answer(socket, is_denied ? kDenied : kFailed, done.error().message);
}

// One command; false: there is nobody left to tell one.
bool DoNext(int socket, NftSet& set, std::span<const Network> never) {
  std::array<char, kCommandBytesMax + 1> buffer{};
  const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  const auto command = ParseCommand({buffer.data(), static_cast<std::size_t>(count)});
  if (!command) {
    Answer(socket, kNever, "it is no command");
  } else if (!command->term) {
    Answer(socket, set.Remove(command->target));
  } else if (IsIn(command->target, never) || IsIn(command->target, MachineAddresses())) {
    Answer(socket, kNever, "it is never dropped");
  } else {
    Answer(socket, set.Add(command->target, *command->term));
  }
  return true;
}

// Nothing of the parent's stays open but what it prints to.
void CloseAllBut(int socket) {
  constexpr unsigned kFirst = 3;
  const auto own = static_cast<unsigned>(socket);
  if (own > kFirst) static_cast<void>(::syscall(SYS_close_range, kFirst, own - 1, 0));
  static_cast<void>(::syscall(SYS_close_range, own + 1, ~0U, 0));
}

[[noreturn]] void RunChild(int socket, const HelperOptions& options) {
  static_cast<void>(::prctl(PR_SET_NAME, "holdfast-kernel", 0, 0, 0));
  // A Ctrl-C in the terminal is the parent's business; its end is seen at the socket.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  CloseAllBut(socket);
  const Result<void> confined = KeepNetAdminAlone();
  if (!confined) {
    Answer(socket, confined);
    ::_exit(EXIT_FAILURE);
  }
  {
    Result<NftSet> set = NftSet::Open(options.port);
    Answer(socket, set ? Result<void>{} : Result<void>(Fail(set.error())));
    while (set && DoNext(socket, *set, options.never)) {
    }
  }
  ::_exit(EXIT_SUCCESS);
}

}  // namespace

Result<Helper> Helper::Start(const HelperOptions& options) {
  if (!HasNetAdmin()) {
    return Fail(ErrorCode::kPermissionDenied, "this process has no CAP_NET_ADMIN");
  }
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return Fail(ErrnoError("make a pair of sockets"));
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(pair[0]);
    RunChild(pair[1], options);
  }
  ::close(pair[1]);
  if (pid < 0) {
    ::close(pair[0]);
    return Fail(ErrnoError("start the kernel's helper"));
  }
  Helper helper(pair[0], pid);
  TRY(helper.ReadAnswer());
  return helper;
}

Helper::Helper(Helper&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), pid_(std::exchange(other.pid_, -1)) {}

Helper::~Helper() {
  if (pid_ < 0) return;
  ::close(socket_);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

Result<void> Helper::Do(const Command& command) {
  const std::string text = CommandText(command);
  if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size())) {
    return Fail(ErrorCode::kFailedPrecondition, "the kernel's helper has ended");
  }
  return ReadAnswer();
}

Result<void> Helper::ReadAnswer() {
  pollfd ready{socket_, POLLIN, 0};
  constexpr int kWaitMs = static_cast<int>(std::chrono::milliseconds(kAnswerMax).count());
  if (::poll(&ready, 1, kWaitMs) == 0) {
    // An answer that comes after all would be taken for that of the next command.
    ::shutdown(socket_, SHUT_RDWR);
    return Fail(ErrorCode::kDeadlineExceeded, "the kernel's helper does not answer");
  }
  std::array<char, kAnswerBytesMax> buffer{};
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count < 2) return Fail(ErrorCode::kFailedPrecondition, "the kernel's helper has ended");
  const std::string words(buffer.data() + 2, static_cast<std::size_t>(count) - 2);
  switch (buffer[0]) {
    case kOk:
      return {};
    case kNever:
    case kDenied:
      return Fail(ErrorCode::kPermissionDenied, "{}", words);
    default:
      return Fail(ErrorCode::kUnavailable, "{}", words);
  }
}

}  // namespace holdfast::push_down
