#include "connections/proxies.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections/crowd.h"
#include "connections/wire.h"

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStartTimeMax{20};
constexpr std::chrono::milliseconds kLook{20};

std::string LogEnd(const std::filesystem::path& folder) {
  constexpr std::size_t kLogBytes = 1'000;
  const std::string log = ReadText(folder / "log");
  return log.substr(log.size() - std::min(log.size(), kLogBytes));
}

// Waits until `look` gives a port.
Result<Proxy> WaitPort(ChildProcess process, const std::filesystem::path& folder,
                       const std::function<int()>& look) {
  const Clock::time_point deadline = Clock::now() + kStartTimeMax;
  while (Clock::now() < deadline && !process.has_ended()) {
    if (const int port = look(); port > 0) return Proxy{std::move(process), port};
    Pause(kLook);
  }
  return Fail(ErrorCode::kUnavailable, "did not start: {}", LogEnd(folder));
}

// "gateway.connections_max=7" as a variable of the gateway's environment.
std::string Variable(std::string_view setting) {
  std::string variable = "HOLDFAST_";
  const std::size_t equals = std::min(setting.find('='), setting.size());
  for (const char c : setting.substr(0, equals)) {
    variable += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable.append(setting.substr(equals));
}

// One that was free a moment ago; 0: there is none.
int FreePort() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(fd);
  return is_bound ? ntohs(address.sin_port) : 0;
}

// Asks until an answer comes through from the engine.
Result<Proxy> WaitAnswer(Proxy proxy, const ProxyOptions& options) {
  TRY_ASSIGN(const TlsClients tls, TlsClients::Make());
  const Way way{proxy.port, 0, options.certificate.empty() ? nullptr : &tls};
  const Clock::time_point deadline = Clock::now() + kStartTimeMax;
  std::string word;
  while (Clock::now() < deadline && !proxy.process.has_ended()) {
    word = AskOnce(way, ChatRequest("wait"), kStartTimeMax).word;
    if (word == "200") return proxy;
    Pause(kLook);
  }
  return Fail(ErrorCode::kUnavailable, "answers '{}': {}", word, LogEnd(options.folder));
}

// As few buffers as nginx can do with, two workers for two cores, and a socket for each worker so
// that both get the same number of connections.
std::string NginxConfig(const ProxyOptions& options, int port) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const std::string tls = options.certificate.empty()
                              ? ""
                              : fmt::format("ssl_certificate {}; ssl_certificate_key {};",
                                            options.certificate.string(), options.key.string());
  // A connection of a client has one to the engine, and the workers' shares are not quite equal.
  const std::size_t worker_connections =
      std::min<std::size_t>(files.rlim_cur - 64, options.connections_max * 2 + 512);
  return fmt::format(
      "daemon off; worker_processes 2; {} pid nginx.pid; error_log stderr error;\n"
      "events {{ worker_connections {}; }}\n"
      "http {{\n"
      "  access_log off;\n"
      "  client_body_temp_path {}/body; proxy_temp_path {}/proxy; fastcgi_temp_path {}/fastcgi;\n"
      "  uwsgi_temp_path {}/uwsgi; scgi_temp_path {}/scgi;\n"
      "  upstream engine {{ server unix:{}; keepalive 64; }}\n"
      "  server {{\n"
      "    listen 127.0.0.1:{} {} reuseport backlog=4096; {}\n"
      "    location / {{\n"
      "      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
      "      proxy_buffering off; proxy_read_timeout 600s;\n"
      "    }}\n"
      "  }}\n"
      "}}\n",
      ::geteuid() == 0 ? "user root;" : "", worker_connections, options.folder.string(),
      options.folder.string(), options.folder.string(), options.folder.string(),
      options.folder.string(), options.engine_socket.string(), port, tls.empty() ? "" : "ssl", tls);
}

}  // namespace

Result<Proxy> StartGateway(const std::filesystem::path& binary, const ProxyOptions& options) {
  std::filesystem::create_directories(options.folder);
  std::vector<std::string> settings = {
      fmt::format("gateway.connections_max={}", options.connections_max),
      fmt::format("gateway.connections_per_client_max={}", options.connections_max),
      fmt::format("gateway.concurrency_initial={}", options.concurrency_max),
      fmt::format("gateway.concurrency_max={}", options.concurrency_max),
      fmt::format("gateway.concurrency_per_client_max={}", options.connections_max),
      fmt::format("gateway.waiting_max={}", 2 * options.waiting_max),
      // Who waits here is what is measured: nobody is refused for the length of the queue.
      "gateway.waiting_seconds_max=86400",
      "gateway.sheds=false",
      // Every client has an address of its own, which is not this machine's.
      "accounts.anonymous=everyone",
  };
  if (!options.certificate.empty()) {
    settings.push_back("gateway.tls_certificate=" + options.certificate.string());
    settings.push_back("gateway.tls_key=" + options.key.string());
  }
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  // Whatever it keeps stays in the folder.
  std::vector<std::string> variables = {"HOME=" + options.folder.string(),
                                        "XDG_RUNTIME_DIR=" + options.folder.string(),
                                        "XDG_STATE_HOME=" + options.folder.string()};
  for (const std::string& setting : settings) variables.push_back(Variable(setting));
  TRY_ASSIGN(ChildProcess process,
             ChildProcess::Execute({binary, "gateway", "--listen", "127.0.0.1:0", "--engine",
                                    "unix:" + options.engine_socket.string()},
                                   std::move(variables), options.folder));
  TRY_ASSIGN(Proxy proxy, WaitPort(std::move(process), options.folder, [&] {
               constexpr std::string_view kAddress = "://127.0.0.1:";
               const std::string log = ReadText(options.folder / "log");
               const std::size_t at = log.find(kAddress);
               return at == std::string::npos ? 0 : std::atoi(log.c_str() + at + kAddress.size());
             }));
  return WaitAnswer(std::move(proxy), options);
}

Result<Proxy> StartNginx(const std::filesystem::path& binary, const ProxyOptions& options) {
  // A free port may be taken by another before nginx listens there.
  constexpr int kTriesMax = 3;
  std::filesystem::create_directories(options.folder);
  const std::filesystem::path config = options.folder / "nginx.conf";
  for (int i = 1;; ++i) {
    const int port = FreePort();
    std::ofstream(config) << NginxConfig(options, port);
    TRY_ASSIGN(ChildProcess process,
               ChildProcess::Execute({binary, "-p", options.folder, "-c", config, "-e", "stderr"},
                                     {}, options.folder));
    Result<Proxy> proxy = WaitAnswer(Proxy{std::move(process), port}, options);
    if (proxy || i == kTriesMax) return proxy;
  }
}

}  // namespace holdfast::bench
