// What does our gateway cost beside nginx when thousands wait and a thousand answers flow? One
// scripted engine stands behind both; one epoll thread is all clients. Measured, per proxy:
// resident memory of a waiter, the delay that it adds to a token, CPU time of a relayed event, and
// how fast one too many is refused; of the gateway also what it keeps of 1 GiB of bodies that never
// end.
//
//   connections_bench [--waiters N] [--streams N] [--seconds N] [--tls no|yes|only] [--case NAME]
//                     [--gateway FILE] [--nginx FILE] [--set SECTION.NAME=VALUE]
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "connections/body_flood.h"
#include "connections/child_process.h"
#include "connections/crowd.h"
#include "connections/proxies.h"
#include "connections/scripted_engine.h"
#include "connections/wire.h"

namespace holdfast::bench {
namespace {

using std::chrono::milliseconds;

// Setting a case up takes at most this long, on a machine of two cores.
constexpr milliseconds kOpenTimeMax{40'000};
// Descriptors of a process that are no connections.
constexpr std::size_t kOtherFiles = 200;
// Free places when the connections are not what runs out.
constexpr std::size_t kSparePlaces = 64;
constexpr std::int64_t kMiB = 1 << 20;

struct Options {
  std::size_t waiters = 10'000;
  std::size_t streams = 1'000;
  std::size_t seconds = 8;
  std::size_t bodies = 256;
  std::int64_t budget_mib = 256;  // gateway.body_memory_mib as it is by default.
  std::string tls = "yes";
  std::string only_case;
  std::string gateway = HOLDFAST_BINARY;
  std::string nginx = "/usr/sbin/nginx";
  std::vector<std::string> settings;
};

struct Case {
  enum class Kind { kDirect, kNginx, kGateway };
  std::string_view name;
  Kind kind;
  bool is_encrypted = false;
  // Those who wait do so in the gateway's queue, behind the streams; else at the engine.
  bool is_queue = false;
};

constexpr Case kCases[] = {
    {"direct", Case::Kind::kDirect},
    {"nginx", Case::Kind::kNginx},
    // The guard lets no crowd wait inside an engine, so there is no case of that.
    {"gateway-queue", Case::Kind::kGateway, false, true},
    {"nginx-tls", Case::Kind::kNginx, true},
    {"gateway-queue-tls", Case::Kind::kGateway, true, true},
};

struct Measured {
  Case what{};
  std::size_t waiters = 0;
  double resident_kb = 0;  // Of a waiter.
  double kernel_kb = 0;    // Of a waiter's TCP sockets, both ends.
  double p50_ms = 0;
  double p99_ms = 0;
  double cpu_us = 0;  // Of a relayed event.
  std::size_t tokens = 0;
  double refusal_ms = 0;  // The slowest.
  std::string refusal;
};

// What all cases share.
struct Bench {
  const Options& options;
  std::filesystem::path folder;
  TlsClients tls;
  std::size_t files_max = 0;
};

std::size_t RaiseFileLimit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur;
}

// A waiter at the engine takes a proxy two descriptors.
std::size_t WaiterCount(const Bench& bench, const Case& what) {
  const bool is_relayed = what.kind != Case::Kind::kDirect && !what.is_queue;
  const std::size_t places = (bench.files_max - kOtherFiles) / (is_relayed ? 2 : 1);
  const std::size_t others = bench.options.streams * (what.is_queue ? 2 : 1);
  return std::min(bench.options.waiters, places - std::min(places, others));
}

Result<std::optional<Proxy>> StartProxy(const Bench& bench, const Case& what, std::size_t waiters) {
  if (what.kind == Case::Kind::kDirect) return std::nullopt;
  const std::size_t streams = bench.options.streams;
  ProxyOptions options;
  options.folder = bench.folder / what.name;
  options.engine_socket = bench.folder / "engine.sock";
  if (what.is_encrypted) {
    options.certificate = bench.folder / "certificate.pem";
    options.key = bench.folder / "key.pem";
  }
  // Connections run out where places in the queue do not, and the other way round.
  options.connections_max = waiters + streams + (what.is_queue ? 0 : kSparePlaces);
  options.concurrency_max = what.is_queue ? streams : waiters + streams;
  options.waiting_max = what.is_queue ? waiters + kSparePlaces : 0;
  options.settings = bench.options.settings;
  if (what.kind == Case::Kind::kNginx) return StartNginx(bench.options.nginx, options);
  return StartGateway(bench.options.gateway, options);
}

// Memory that a process has when it has stopped taking more.
ProcessUse SettledUse(const std::optional<Proxy>& proxy, Crowd& crowd) {
  constexpr milliseconds kLook{250};
  constexpr int kLooksMax = 20;
  constexpr std::int64_t kStillBytes = 64 << 10;
  ProcessUse use;
  if (!proxy) return use;
  for (int i = 0; i < kLooksMax; ++i) {
    crowd.Listen(kLook);
    const std::int64_t before = std::exchange(use, proxy->process.Use()).resident_bytes;
    if (std::abs(use.resident_bytes - before) < kStillBytes && i > 1) break;
  }
  return use;
}

// Of all TCP sockets of the machine.
double KernelTcpBytes() {
  const std::string text = ReadText("/proc/net/sockstat");
  const std::size_t at = text.find(" mem ", text.find("TCP:"));
  if (at == std::string::npos) return 0;
  return static_cast<double>(std::atoll(text.c_str() + at + 5) * ::sysconf(_SC_PAGESIZE));
}

double PercentileMs(const std::vector<std::uint32_t>& sorted_us, double share) {
  if (sorted_us.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted_us.size() - 1));
  return sorted_us[index] / 1e3;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Second by second, and of these the median: what else runs on the machine spoils some of them.
void MeasureFlow(const Bench& bench, ScriptedEngine& engine, const std::optional<Proxy>& proxy,
                 Crowd& crowd, Measured& measured) {
  constexpr milliseconds kSecond{1'000};
  engine.SetFlow(true);
  crowd.Listen(kSecond);
  std::vector<double> p50_ms;
  std::vector<double> p99_ms;
  std::size_t events = 0;
  const double cpu_before = proxy ? proxy->process.Use().cpu_s : 0;
  for (std::size_t i = 0; i < bench.options.seconds; ++i) {
    crowd.ForgetEvents();
    crowd.Listen(kSecond);
    std::vector<std::uint32_t> delays_us = crowd.events().delays_us;
    std::ranges::sort(delays_us);
    p50_ms.push_back(PercentileMs(delays_us, 0.5));
    p99_ms.push_back(PercentileMs(delays_us, 0.99));
    events += crowd.events().tokens + crowd.events().comments;
    measured.tokens += crowd.events().tokens;
  }
  const double cpu_s = (proxy ? proxy->process.Use().cpu_s : 0) - cpu_before;
  engine.SetFlow(false);
  measured.p50_ms = Median(std::move(p50_ms));
  measured.p99_ms = Median(std::move(p99_ms));
  measured.cpu_us = cpu_s * 1e6 / static_cast<double>(std::max<std::size_t>(events, 1));
}

// One more than there is room for, a few times.
void MeasureRefusal(const Bench& bench, int port, std::size_t clients, Measured& measured) {
  constexpr int kTimes = 10;
  constexpr milliseconds kTimeMax{2'000};
  for (int i = 0; i < kTimes; ++i) {
    const Way way{port, SourceAddress(clients + Crowd::kConnectionsPerAddress),
                  measured.what.is_encrypted ? &bench.tls : nullptr};
    const Answered answered = AskOnce(way, ChatRequest("wait"), kTimeMax);
    measured.refusal_ms = std::max(measured.refusal_ms, answered.ms);
    measured.refusal = answered.word;
    if (answered.ms >= kTimeMax.count()) return;  // It is let in, and waits.
  }
}

void PrintCase(const Measured& measured, const Crowd& crowd, const ScriptedEngine& engine) {
  fmt::print("{:<18} {:>6} {:>9.1f} {:>9.1f} {:>8.2f} {:>8.2f} {:>9.1f} {:>8} {:>8.1f}  {}\n",
             measured.what.name, measured.waiters, measured.resident_kb, measured.kernel_kb,
             measured.p50_ms, measured.p99_ms, measured.cpu_us, measured.tokens,
             measured.refusal_ms, measured.refusal);
  for (const auto& [word, count] : crowd.refusals()) {
    fmt::print("    not served: {} times {}\n", count, word);
  }
  if (engine.tokens_left_out() > 0) {
    fmt::print("    left out by the engine: {} tokens\n", engine.tokens_left_out());
  }
  std::fflush(stdout);
}

Result<Measured> RunCase(const Bench& bench, const Case& what) {
  const std::size_t waiters = WaiterCount(bench, what);
  const std::size_t streams = bench.options.streams;
  std::error_code ignored;
  std::filesystem::remove(bench.folder / "engine.sock", ignored);
  TRY_ASSIGN(ScriptedEngine engine,
             ScriptedEngine::Start({bench.folder / "engine.sock", waiters + streams + kSparePlaces,
                                    what.is_queue ? streams : waiters + streams}));
  TRY_ASSIGN(const std::optional<Proxy> proxy, StartProxy(bench, what, waiters));
  const int port = proxy ? proxy->port : engine.port();
  Measured measured;
  measured.what = what;
  Crowd crowd(port, what.is_encrypted ? &bench.tls : nullptr);
  TRY(crowd.Open(streams, ChatRequest("stream"), Crowd::Until::kAnswered, kOpenTimeMax));
  const ProcessUse before = SettledUse(proxy, crowd);
  const double kernel_before = KernelTcpBytes();
  const std::size_t live_before = crowd.live_count();
  TRY(crowd.Open(waiters, ChatRequest("wait"),
                 what.is_queue ? Crowd::Until::kAsked : Crowd::Until::kAnswered, kOpenTimeMax));
  const ProcessUse after = SettledUse(proxy, crowd);
  measured.waiters = crowd.live_count() - std::min(live_before, crowd.live_count());
  const double count = static_cast<double>(std::max<std::size_t>(measured.waiters, 1));
  measured.resident_kb =
      static_cast<double>(after.resident_bytes - before.resident_bytes) / 1e3 / count;
  measured.kernel_kb = (KernelTcpBytes() - kernel_before) / 1e3 / count;
  MeasureFlow(bench, engine, proxy, crowd, measured);
  if (what.kind == Case::Kind::kGateway) {
    MeasureRefusal(bench, port, streams + waiters, measured);
  }
  PrintCase(measured, crowd, engine);
  return measured;
}

Result<void> RunBodies(const Bench& bench) {
  std::error_code ignored;
  std::filesystem::remove(bench.folder / "engine.sock", ignored);
  const std::size_t bodies = bench.options.bodies;
  TRY_ASSIGN(const ScriptedEngine engine,
             ScriptedEngine::Start({bench.folder / "engine.sock", kSparePlaces, kSparePlaces}));
  ProxyOptions options;
  options.folder = bench.folder / "bodies";
  options.engine_socket = bench.folder / "engine.sock";
  options.connections_max = bodies + kSparePlaces;
  options.concurrency_max = kSparePlaces;
  options.waiting_max = bodies;
  options.settings = bench.options.settings;
  TRY_ASSIGN(const Proxy proxy, StartGateway(bench.options.gateway, options));
  const std::int64_t idle = proxy.process.Use().resident_bytes;
  BodyFloodOptions flood;
  flood.port = proxy.port;
  flood.connections = bodies;
  TRY_ASSIGN(const BodyFloodResult result, OfferBodies(flood));
  const std::int64_t peak = proxy.process.Use().resident_bytes_peak;
  fmt::print(
      "\n{} MiB of bodies offered at once, {} MiB taken: resident {} MiB, at most {} MiB; budget "
      "{} "
      "MiB, over it by {:.0f} MiB\n",
      bodies * flood.body_bytes / kMiB, result.bytes_taken / kMiB, idle / kMiB, peak / kMiB,
      bench.options.budget_mib,
      static_cast<double>(peak - idle) / kMiB - static_cast<double>(bench.options.budget_mib));
  for (const auto& [word, count] : result.refusals) fmt::print("    {} times {}\n", count, word);
  return {};
}

const Measured* Find(const std::vector<Measured>& all, std::string_view name) {
  const auto found =
      std::ranges::find_if(all, [&](const Measured& one) { return one.what.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// How near the aims each case of the gateway is.
void PrintAims(const std::vector<Measured>& all) {
  constexpr double kPlainKb = 40;
  constexpr double kTlsKb = 90;
  constexpr double kCpuRatio = 1.5;
  const Measured* const direct = Find(all, "direct");
  const double direct_p50 = direct == nullptr ? 0 : direct->p50_ms;
  const double direct_p99 = direct == nullptr ? 0 : direct->p99_ms;
  fmt::print(
      "\nBeside nginx (aims: memory {:.0f} KB, {:.0f} with TLS; added p99 no more; CPU {})\n",
      kPlainKb, kTlsKb, kCpuRatio);
  for (const Measured& ours : all) {
    if (ours.what.kind != Case::Kind::kGateway) continue;
    const double aim_kb = ours.what.is_encrypted ? kTlsKb : kPlainKb;
    fmt::print("{:<18} memory {:.1f} KB, {:.2f} of the aim", ours.what.name, ours.resident_kb,
               ours.resident_kb / aim_kb);
    const Measured* const nginx = Find(all, ours.what.is_encrypted ? "nginx-tls" : "nginx");
    if (nginx != nullptr) {
      fmt::print(
          ", {:.2f} x nginx; added p50 {:.2f} ms (nginx {:.2f}), p99 {:.2f} ms (nginx {:.2f})"
          "; CPU {:.2f} x nginx",
          ours.resident_kb / nginx->resident_kb, ours.p50_ms - direct_p50,
          nginx->p50_ms - direct_p50, ours.p99_ms - direct_p99, nginx->p99_ms - direct_p99,
          ours.cpu_us / nginx->cpu_us);
    }
    fmt::print("\n");
  }
}

bool IsWanted(const Options& options, const Case& what, bool has_nginx) {
  if (!options.only_case.empty()) return options.only_case == what.name;
  if (what.kind == Case::Kind::kNginx && !has_nginx) return false;
  if (options.tls == "only") return what.is_encrypted || what.kind == Case::Kind::kDirect;
  return options.tls == "yes" || !what.is_encrypted;
}

Result<void> Run(const Options& options) {
  const std::size_t files_max = RaiseFileLimit();
  TRY_ASSIGN(const TempFolder folder, TempFolder::Make());
  TRY_ASSIGN(TlsClients tls, TlsClients::Make());
  const Bench bench{options, folder.path(), std::move(tls), files_max};
  TRY(WriteCertificate(folder.path() / "certificate.pem", folder.path() / "key.pem"));
  const bool has_nginx = ::access(options.nginx.c_str(), X_OK) == 0;
  if (!has_nginx) fmt::print("{} is not there: without nginx\n", options.nginx);
  if (WaiterCount(bench, kCases[1]) < options.waiters) {
    fmt::print("a process may open {} files here: fewer wait at the engine\n", files_max);
  }
  fmt::print("{:<18} {:>6} {:>9} {:>9} {:>8} {:>8} {:>9} {:>8} {:>8}  {}\n", "", "wait", "KB each",
             "kernel KB", "p50 ms", "p99 ms", "us/event", "tokens", "full ms", "refused with");
  std::vector<Measured> all;
  for (const Case& what : kCases) {
    if (!IsWanted(options, what, has_nginx)) continue;
    TRY_ASSIGN(Measured measured, RunCase(bench, what));
    all.push_back(std::move(measured));
  }
  PrintAims(all);
  if (options.only_case.empty() || options.only_case == "bodies") return RunBodies(bench);
  return {};
}

// True if `argv[i]` is `name` and a value follows, which `target` then holds.
template <typename T>
bool ParseValue(std::string_view name, int argc, char** argv, int& i, T& target) {
  if (argv[i] != name || i + 1 >= argc) return false;
  const std::string_view text = argv[++i];
  if constexpr (std::is_same_v<T, std::string>) {
    target = text;
    return !target.empty();
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    return error == std::errc() && end == text.data() + text.size();
  }
}

bool ParseOptions(int argc, char** argv, Options& options) {
  constexpr std::size_t kClientsMax = 200'000;
  constexpr std::size_t kSecondsMax = 600;
  for (int i = 1; i < argc; ++i) {
    std::string setting;
    if (ParseValue("--set", argc, argv, i, setting)) {
      options.settings.push_back(setting);
    } else if (!ParseValue("--waiters", argc, argv, i, options.waiters) &&
               !ParseValue("--streams", argc, argv, i, options.streams) &&
               !ParseValue("--seconds", argc, argv, i, options.seconds) &&
               !ParseValue("--bodies", argc, argv, i, options.bodies) &&
               !ParseValue("--budget-mib", argc, argv, i, options.budget_mib) &&
               !ParseValue("--tls", argc, argv, i, options.tls) &&
               !ParseValue("--case", argc, argv, i, options.only_case) &&
               !ParseValue("--gateway", argc, argv, i, options.gateway) &&
               !ParseValue("--nginx", argc, argv, i, options.nginx)) {
      return false;
    }
  }
  return options.waiters > 0 && options.waiters <= kClientsMax && options.streams > 0 &&
         options.streams <= kClientsMax && options.seconds > 0 && options.seconds <= kSecondsMax &&
         options.bodies > 0 && options.bodies <= kClientsMax &&
         (options.tls == "no" || options.tls == "yes" || options.tls == "only");
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast;
  bench::Options options;
  if (!bench::ParseOptions(argc, argv, options)) {
    fmt::print(stderr,
               "usage: connections_bench [--waiters N] [--streams N] [--seconds N] [--bodies N] "
               "[--budget-mib N] [--tls no|yes|only] [--case NAME] [--gateway FILE] "
               "[--nginx FILE] [--set SECTION.NAME=VALUE]...\n");
    return 2;
  }
  if (const auto result = bench::Run(options); !result) {
    fmt::print(stderr, "connections_bench: {}\n", result.error().message);
    return 1;
  }
  return 0;
}
