#include "connections/crowd.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "connections/scripted_engine.h"

namespace holdfast::bench {
namespace {

// A client keeps at most this much of an answer that it has not understood yet.
constexpr std::size_t kRestBytesMax = 4 << 10;

std::string_view After(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + mark.size());
}

bool IsSuccess(std::string_view answer) { return answer.starts_with("HTTP/1.1 200"); }

}  // namespace

std::uint32_t SourceAddress(std::size_t index) {
  constexpr std::size_t kNetworks = 250;
  const std::size_t source = index / Crowd::kConnectionsPerAddress;
  const std::size_t third = source % kNetworks + 1;
  const std::size_t second = source / kNetworks % kNetworks + 1;
  return static_cast<std::uint32_t>(127U << 24 | second << 16 | third << 8 | 1U);
}

std::string ChatRequest(std::string_view word) {
  const std::string body = fmt::format(
      R"({{"model":"bench","stream":true,"messages":[{{"role":"user","content":"{}"}}]}})", word);
  return fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
}

std::string RefusalWord(std::string_view answer) {
  if (answer.empty()) return "closed";
  const std::string_view status = answer.substr(0, answer.find('\r'));
  const std::string_view code = After(answer, "\"code\":\"");
  const std::string_view number = status.substr(std::min<std::size_t>(status.size(), 9), 3);
  return code.empty() ? std::string(number)
                      : fmt::format("{} {}", number, code.substr(0, code.find('"')));
}

struct Crowd::Client {
  explicit Client(Wire wire_in, const std::string& request_in, Until until_in)
      : wire(std::move(wire_in)), request(request_in), until(until_in) {}

  enum class Phase { kConnecting, kAsking, kReading, kOver };
  Wire wire;
  std::string request;  // What is not sent yet of it.
  Until until;
  Phase phase = Phase::kConnecting;
  bool is_in = false;
  bool is_success = false;
  std::string rest;  // Of the answer, not understood yet.
};

Crowd::Crowd(int port, const TlsClients* tls)
    : port_(port), tls_(tls), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  CHECK(epoll_ >= 0);
}

Crowd::~Crowd() { ::close(epoll_); }

Result<void> Crowd::Open(std::size_t count, const std::string& request, Until until,
                         std::chrono::milliseconds time_max) {
  const Clock::time_point deadline = Clock::now() + time_max;
  std::size_t begun = 0;
  while ((begun < count || opening_ > 0) && Clock::now() < deadline) {
    while (begun < count && opening_ < kOpeningMax) {
      TRY_ASSIGN(Wire wire, Wire::Connect({port_, SourceAddress(clients_.size()), tls_}));
      clients_.push_back(std::make_unique<Client>(std::move(wire), request, until));
      Client& client = *clients_.back();
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT;
      event.data.ptr = &client;
      CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.wire.fd(), &event) == 0);
      ++begun;
      ++opening_;
    }
    Poll(std::chrono::milliseconds(10));
  }
  return {};
}

void Crowd::Listen(std::chrono::milliseconds time) {
  const Clock::time_point deadline = Clock::now() + time;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return;
    Poll(left);
  }
}

void Crowd::Poll(std::chrono::milliseconds time_max) {
  std::array<epoll_event, 256> events{};
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(time_max.count()));
  for (int i = 0; i < count; ++i) {
    GoOn(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
}

void Crowd::GoOn(Client& client) {
  using Phase = Client::Phase;
  if (client.phase == Phase::kConnecting) {
    const Wire::State state = client.wire.Prepare();
    if (state == Wire::State::kFailed) return Leave(client);
    // A handshake waits for the peer; a socket that can be written to would wake it for nothing.
    if (state == Wire::State::kWaits) return Watch(client, !client.wire.is_encrypted());
    client.phase = Phase::kAsking;
  }
  if (client.phase == Phase::kAsking) Ask(client);
  if (client.phase == Phase::kReading) Read(client);
}

void Crowd::Watch(Client& client, bool for_writing) {
  epoll_event event{};
  event.events = for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &client;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.wire.fd(), &event);
}

void Crowd::Ask(Client& client) {
  while (!client.request.empty()) {
    std::size_t count = 0;
    const Wire::State state = client.wire.Send(client.request, count);
    if (state == Wire::State::kFailed) return Leave(client);
    if (state == Wire::State::kWaits) return Watch(client, true);
    client.request.erase(0, count);
  }
  client.request = {};
  client.phase = Client::Phase::kReading;
  Watch(client, false);
  if (client.until == Until::kAsked) Arrive(client);
}

void Crowd::Read(Client& client) {
  std::array<char, 32 << 10> bytes;
  while (true) {
    std::size_t count = 0;
    const Wire::State state = client.wire.Receive(bytes, count);
    if (state == Wire::State::kWaits) return;
    if (state == Wire::State::kFailed) return Leave(client);
    Take(client, {bytes.data(), count});
    // TLS may hold bytes that the socket no longer tells of.
    if (!client.wire.is_encrypted() && count < bytes.size()) return;
  }
}

// Events come whole but for the rare one that two reads share; its beginning is kept.
void Crowd::Take(Client& client, std::string_view bytes) {
  constexpr std::string_view kToken = "\"content\":\"";
  const std::int64_t now_ns = NowNs();
  std::string joined;
  if (!client.rest.empty()) {
    joined = std::exchange(client.rest, {});
    joined += bytes;
    bytes = joined;
  }
  if (!client.is_success) {
    client.is_success = IsSuccess(bytes);
    if (!client.is_success) {
      client.rest = bytes.substr(0, kRestBytesMax);
      return;
    }
    Arrive(client);
  }
  const std::size_t line_end = bytes.rfind('\n');
  const std::string_view whole = bytes.substr(0, line_end + 1);
  if (whole.size() < bytes.size())
    client.rest = bytes.substr(whole.size()).substr(0, kRestBytesMax);
  for (std::string_view left = After(whole, kToken); !left.empty(); left = After(left, kToken)) {
    std::int64_t sent_ns = 0;
    std::from_chars(left.data(), left.data() + left.size(), sent_ns);
    if (sent_ns == 0) continue;
    ++events_.tokens;
    events_.delays_us.push_back(
        static_cast<std::uint32_t>(std::max<std::int64_t>(now_ns - sent_ns, 0) / 1'000));
  }
  for (std::string_view left = After(whole, "\n:"); !left.empty(); left = After(left, "\n:")) {
    ++events_.comments;
  }
}

void Crowd::Arrive(Client& client) {
  if (std::exchange(client.is_in, true)) return;
  --opening_;
  ++live_;
}

void Crowd::Leave(Client& client) {
  client.phase = Client::Phase::kOver;
  client.wire.Close();
  if (!client.is_in) --opening_;
  if (client.is_in) --live_;
  ++refusals_[client.is_success ? "cut off" : RefusalWord(client.rest)];
}

Answered AskOnce(const Way& way, const std::string& request, std::chrono::milliseconds time_max) {
  using Clock = Crowd::Clock;
  const Clock::time_point begin = Clock::now();
  const Clock::time_point deadline = begin + time_max;
  const auto taken = [&] {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  };
  Result<Wire> wire = Wire::Connect(way);
  if (!wire) return {taken(), "not connected"};
  std::string answer;
  std::string_view unsent = request;
  bool is_ready = false;
  while (Clock::now() < deadline) {
    std::size_t count = 0;
    std::array<char, 4096> bytes;
    Wire::State state = Wire::State::kDone;
    if (!is_ready) {
      state = wire->Prepare();
      is_ready = state == Wire::State::kDone;
    } else if (!unsent.empty()) {
      state = wire->Send(unsent, count);
      unsent.remove_prefix(count);
      // Whoever refuses may not read; its words may be here all the same.
      if (state == Wire::State::kFailed) unsent = {};
      if (state == Wire::State::kFailed) state = Wire::State::kDone;
    } else {
      state = wire->Receive(bytes, count);
      answer.append(bytes.data(), count);
    }
    if (IsSuccess(answer)) return {taken(), "200"};
    const bool is_whole = !After(answer, "\r\n\r\n").empty();
    if (state == Wire::State::kFailed || is_whole) return {taken(), RefusalWord(answer)};
    pollfd entry{wire->fd(),
                 static_cast<short>(is_ready && unsent.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    if (state == Wire::State::kWaits) ::poll(&entry, 1, 1);
  }
  return {taken(), "no answer"};
}

}  // namespace holdfast::bench
