// Signs people up as a browser would, and makes each a key.
#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "drill/random_stream.h"
#include "http/client.h"
#include "net/dial_from.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "rehearsal/accounts_file.h"
#include "rehearsal/challenge.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::chrono::seconds kAnswerTimeMax{30};
constexpr std::chrono::seconds kPause{1};
// From one sign-up to the next: of more, the service would hold that its registrations surge.
constexpr std::chrono::milliseconds kEach{1000};
constexpr int kTriesMax = 30;  // Of a step that is refused for now.
constexpr int kLooksMax = 3;   // At what a sign-up asks for.
constexpr std::size_t kBodyBytesMax = 1 << 20;
constexpr std::uint8_t kNetwork = 250;  // Of 127.250.0.0, as a proxy names it.
constexpr int kHostsPerByte = 250;

struct Answer {
  int status = 0;
  std::string body;
  std::string cookie;
};

class Maker {
 public:
  Maker(const net::Endpoint& target, bool is_through_proxy, std::uint64_t seed)
      : target_(target), is_through_proxy_(is_through_proxy), random_(seed) {}

  net::Awaitable<Result<void>> Make(int index, Accounts& accounts) {
    const net::Address address =
        net::Address::V4({127, kNetwork, static_cast<std::uint8_t>(index / kHostsPerByte % 256),
                          static_cast<std::uint8_t>(1 + index % kHostsPerByte)});
    Person person;
    person.name = fmt::format("drill{}-{:x}", index, random_.Next() >> 40);
    person.password = fmt::format("long-and-{:x}-unguessed", random_.Next());
    CO_TRY_ASSIGN(person.cookie, co_await SignUp(address, person));
    CO_TRY_ASSIGN(const Answer made, co_await Ask(address, http::Method::kPost, "/api/me/keys",
                                                  R"({"name":"rehearsal"})", person.cookie));
    CO_TRY_ASSIGN(const json::Value value, json::Parse(made.body));
    if (!value.is_object()) co_return Fail(ErrorCode::kCorrupt, "a key is no object");
    CO_TRY_ASSIGN(std::string key, json::RequireString(value.get_object(), "key"));
    accounts.keys.push_back(std::move(key));
    accounts.people.push_back(std::move(person));
    co_return Result<void>{};
  }

 private:
  // The session's cookie.
  net::Awaitable<Result<std::string>> SignUp(net::Address address, const Person& person) {
    Answer answer;
    // Registrations may begin to ask for a challenge between the look at them and the sign-up.
    for (int looks = 0; looks < kLooksMax; ++looks) {
      CO_TRY_ASSIGN(const Answer registration,
                    co_await Ask(address, http::Method::kGet, "/api/registration", {}, {}));
      json::Object form{{"name", person.name},
                        {"email", person.name + "@example.org"},
                        {"password", person.password}};
      const json::Value solved = SolveChallenge(registration.body);
      if (solved.is_object()) form["challenge"] = solved;
      CO_TRY_ASSIGN(answer, co_await AskPatiently(address, http::Method::kPost, "/api/accounts",
                                                  json::Write(form), {}));
      if (answer.status < 300) co_return answer.cookie;
      if (!answer.body.contains("challenge_required")) break;
    }
    co_return Denied("/api/accounts", answer);
  }

  static std::unexpected<Error> Denied(std::string_view path, const Answer& answer) {
    return Fail(ErrorCode::kPermissionDenied, "{}: {} {}", path, answer.status, answer.body);
  }

  net::Awaitable<Result<Answer>> Ask(net::Address address, http::Method method, std::string path,
                                     std::string body, std::string cookie) {
    CO_TRY_ASSIGN(Answer answer, co_await AskPatiently(address, method, path, body, cookie));
    if (answer.status >= 300) co_return Denied(path, answer);
    co_return answer;
  }

  // Until it is done, or refused for good.
  net::Awaitable<Result<Answer>> AskPatiently(net::Address address, http::Method method,
                                              std::string path, std::string body,
                                              std::string cookie) {
    Answer answer;
    for (int tries = 0; tries < kTriesMax; ++tries) {
      CO_TRY_ASSIGN(answer, co_await AskOnce(address, method, path, body, cookie));
      if (answer.status != 429 && answer.status != 503) break;
      net::Event pause(co_await net::CurrentExecutor());
      co_await pause.Wait(net::Clock::now() + kPause);
    }
    co_return answer;
  }

  net::Awaitable<Result<Answer>> AskOnce(const net::Address& address, http::Method method,
                                         const std::string& path, const std::string& body,
                                         const std::string& cookie) {
    const net::TimePoint deadline = net::Clock::now() + kAnswerTimeMax;
    // Whoever signs up without HTTPS has to be this machine's own user.
    const net::Source source{net::Address::V4({127, 0, 0, 1}), 0};
    CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream,
                  co_await net::DialFrom(source, target_, deadline));
    http::ClientRequest request;
    request.method = method;
    request.target = path;
    request.host = target_.ToString();
    request.headers = {{"Content-Type", "application/json"},
                       {"Origin", "http://" + request.host},
                       {"Sec-Fetch-Site", "same-origin"}};
    if (is_through_proxy_) {
      request.headers.push_back({"X-Forwarded-For", address.ToString()});
      request.headers.push_back({"X-Forwarded-Proto", "https"});
    }
    if (!cookie.empty()) request.headers.push_back({"Cookie", cookie});
    request.body = body;
    http::ClientCall call;
    CO_TRY(co_await call.StartOn(std::move(stream), request, deadline));
    Answer answer;
    answer.status = call.head().status;
    const std::string_view field = call.head().Find("set-cookie");
    answer.cookie = field.substr(0, field.find(';'));
    CO_TRY_ASSIGN(answer.body, co_await call.ReadAll(kBodyBytesMax, deadline));
    co_return answer;
  }

  const net::Endpoint target_;
  const bool is_through_proxy_;
  drill::RandomStream random_;
};

net::Awaitable<void> MakeAll(const net::Endpoint& target, int count, bool is_through_proxy,
                             Accounts& accounts, std::promise<Result<void>>& done) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  Maker maker(target, is_through_proxy, static_cast<std::uint64_t>(now));
  net::Event pause(co_await net::CurrentExecutor());
  const net::TimePoint began = net::Clock::now();
  for (int i = 0; i < count; ++i) {
    co_await pause.Wait(began + i * kEach);
    const Result<void> made = co_await maker.Make(i, accounts);
    if (!made) {
      done.set_value(Fail(made.error().code, "account {}: {}", i, made.error().message));
      co_return;
    }
  }
  done.set_value({});
}

}  // namespace

Result<void> MakeAccounts(const net::Endpoint& target, int count, bool is_through_proxy,
                          Accounts& accounts) {
  net::IoThreads threads(1);
  std::promise<Result<void>> done;
  threads.Spawn(0, MakeAll(target, count, is_through_proxy, accounts, done));
  Result<void> made = done.get_future().get();
  threads.Stop();
  return made;
}

}  // namespace holdfast::rehearsal
