#include "holdfast/terminal_secret.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace holdfast {
namespace {

class OpenFile {
 public:
  OpenFile(const char* path, int flags) : number_(::open(path, flags | O_CLOEXEC | O_NOCTTY)) {}
  ~OpenFile() {
    if (number_ >= 0) ::close(number_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  const int number_;
};

// Nothing that is typed shows while this lives.
class NoEcho {
 public:
  explicit NoEcho(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    is_set_ = ::tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
  }
  ~NoEcho() {
    if (is_set_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  bool is_set() const { return is_set_; }

 private:
  const int terminal_;
  termios before_{};
  bool is_set_ = false;
};

// Byte by byte, so that nothing behind the line is taken.
Result<Secret> ReadLine(int file, std::string_view name) {
  std::string line;
  line.reserve(kTypedBytesMax + 1);  // It does not move, so that there is one copy to wipe.
  for (char c = '\0';;) {
    const ssize_t count = ::read(file, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const Error error = ErrnoError("read " + std::string(name));
      Secret::Wipe(line);
      return Fail(error);
    }
    if (count == 0 || c == '\n') break;
    if (line.size() == kTypedBytesMax) {
      Secret::Wipe(line);
      return Fail(ErrorCode::kTooLarge, "{}: a line of more than {} bytes", name, kTypedBytesMax);
    }
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  Secret secret(line);
  Secret::Wipe(line);
  return secret;
}

}  // namespace

Result<Secret> AskSecret(std::string_view prompt) {
  const OpenFile terminal("/dev/tty", O_RDWR);
  if (!terminal.is_open()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "there is no terminal to ask at; use --passphrase-file");
  }
  const NoEcho silence(terminal.number());
  if (!silence.is_set()) return Fail(ErrnoError("hide what is typed"));
  const std::string text = std::string(prompt) + ": ";
  if (::write(terminal.number(), text.data(), text.size()) < 0) {
    return Fail(ErrnoError("write to the terminal"));
  }
  return ReadLine(terminal.number(), "the terminal");
}

Result<Secret> ReadSecretFile(const std::filesystem::path& path) {
  const OpenFile file(path.c_str(), O_RDONLY);
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  TRY_ASSIGN(Secret secret, ReadLine(file.number(), path.string()));
  if (secret.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: its first line is empty", path.string());
  }
  return secret;
}

}  // namespace holdfast
