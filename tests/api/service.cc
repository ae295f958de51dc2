#include "api/service.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMs = 10;

// A pause between two looks at a log file or a process, neither of which can be waited for.
void Pause() { ::poll(nullptr, 0, kPollMs); }

}  // namespace

TempFolder::TempFolder() {
  std::string name = "/tmp/holdfast-test-XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Service::Service(std::vector<std::string> arguments, std::vector<std::string> variables) {
  arguments.insert(arguments.begin(), HOLDFAST_BINARY);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("HOLDFAST_")) variables.emplace_back(*entry);
  }
  // What it keeps is its own. Of two of a name the first counts.
  variables.insert(variables.begin(), "XDG_STATE_HOME=" + folder_.path().string());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const std::string log = folder_.path() / "log";
  pid_ = ::fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execve(HOLDFAST_BINARY, argv.data(), envp.data());
    ::_exit(127);
  }
}

Service::~Service() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string Service::Log() const {
  std::ifstream file(folder_.path() / "log", std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

std::optional<std::string> Service::WaitLog(std::string_view text, int count) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  bool has_ended = false;
  while (true) {
    const std::string log = Log();
    std::size_t at = 0;
    int found = 0;
    while (found < count && (at = log.find(text, at)) != std::string::npos) {
      at += text.size();
      ++found;
    }
    const std::size_t end = found == count ? log.find('\n', at) : std::string::npos;
    if (end != std::string::npos) return log.substr(at, end - at);
    if (has_ended || Clock::now() > deadline) return std::nullopt;
    siginfo_t info{};
    has_ended = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
                info.si_pid == pid_;
    if (!has_ended) Pause();
  }
}

void Service::Signal(int signal) const { ::kill(pid_, signal); }

std::optional<int> Service::WaitEnd() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) != pid_) {
    if (Clock::now() > deadline) return std::nullopt;
    Pause();
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int PortIn(std::string_view text) {
  const std::size_t colon = text.find(':', text.find("127.0.0.1"));
  return colon == std::string_view::npos ? 0
                                         : std::atoi(std::string(text.substr(colon + 1)).c_str());
}

json::Value Response::Json() const {
  const Result<json::Value> value = json::Parse(body);
  return value ? *value : json::Value(nullptr);
}

std::string Response::Error(std::string_view member) const {
  const json::Value value = Json();
  boost::system::error_code ignored;
  const json::Value* const found = value.find_pointer(fmt::format("/error/{}", member), ignored);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string{};
}

Connection::Connection(int port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) Close();
}

Connection::~Connection() { Close(); }

void Connection::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Connection::Send(std::string_view bytes) {
  while (!bytes.empty() && fd_ >= 0) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool Connection::Fill() {
  if (fd_ < 0) return false;
  pollfd entry{fd_, POLLIN, 0};
  const int patience_ms = static_cast<int>(std::chrono::milliseconds(kPatience).count());
  if (::poll(&entry, 1, patience_ms) != 1) return false;
  char bytes[16384];
  const ssize_t count = ::recv(fd_, bytes, sizeof(bytes), 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

bool Connection::ReadUntil(std::string_view text) {
  while (buffer_.find(text) == std::string::npos) {
    if (!Fill()) return false;
  }
  return true;
}

bool Connection::HasInput() const {
  pollfd entry{fd_, POLLIN, 0};
  return !buffer_.empty() || ::poll(&entry, 1, 0) == 1;
}

void Connection::ReadWhatHasCome() {
  pollfd entry{fd_, POLLIN, 0};
  while (::poll(&entry, 1, 0) == 1 && Fill()) {
  }
}

bool Connection::ReadToEnd() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (Fill()) {
  }
  return Clock::now() < deadline;
}

namespace {

// Takes whole chunks off `rest`; true at the last one.
bool TakeChunks(std::string& rest, std::string& body) {
  while (true) {
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string::npos) return false;
    const std::size_t size = std::strtoul(rest.c_str(), nullptr, 16);
    if (rest.size() < line_end + 2 + size + 2) return false;
    body += rest.substr(line_end + 2, size);
    rest.erase(0, line_end + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace

Response Connection::Read(bool is_head) {
  Response response;
  if (!ReadUntil("\r\n\r\n")) return response;
  std::istringstream head(buffer_.substr(0, buffer_.find("\r\n\r\n")));
  buffer_.erase(0, buffer_.find("\r\n\r\n") + 4);
  std::string line;
  std::getline(head, line);
  response.status = std::atoi(line.substr(9, 3).c_str());
  while (std::getline(head, line)) {
    const std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string value = line.substr(colon + 2);
    if (value.ends_with('\r')) value.pop_back();
    // Cookies come in headers of their own: each is a line.
    std::string& known = response.headers[name];
    known = name == "set-cookie" && !known.empty() ? known + "\n" + value : value;
  }
  if (is_head || response.status == 304 || response.status == 204 || response.status == 100) {
    response.is_complete = true;
    return response;
  }
  if (response.headers.contains("transfer-encoding")) {
    while (!(response.is_complete = TakeChunks(buffer_, response.body))) {
      if (!Fill()) break;
    }
    return response;
  }
  const std::size_t length = std::strtoul(response.headers["content-length"].c_str(), nullptr, 10);
  while (buffer_.size() < length) {
    if (!Fill()) break;
  }
  response.is_complete = buffer_.size() >= length;
  response.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return response;
}

std::vector<json::Value> Events(const std::string& body) {
  std::vector<json::Value> events;
  std::size_t at = 0;
  while (at < body.size()) {
    const std::size_t end = std::min(body.find("\n\n", at), body.size());
    std::string_view event = std::string_view(body).substr(at, end - at);
    at = end + 2;
    if (!event.starts_with("data: ")) continue;  // A comment.
    event.remove_prefix(6);
    events.push_back(event == "[DONE]" ? json::Value("[DONE]") : json::Parse(event).value());
  }
  return events;
}

std::string PostText(std::string_view path, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      path, body.size(), body);
}

Response Get(int port, std::string_view path) {
  Connection connection(port);
  connection.Send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
  return connection.Read();
}

Response Post(int port, std::string_view path, std::string_view body) {
  Connection connection(port);
  connection.Send(PostText(path, body));
  return connection.Read();
}

}  // namespace holdfast::testing
