// How many log-ins and session checks does one core do, beside the cost of Argon2id alone, which is
// their limit? SQLite in a folder of /tmp with 10,000 accounts and as many sessions; the cost of a
// password is the least that the service takes (19 MiB, 2 passes). A log-in writes its session to
// the disk; a session check reads. HOLDFAST_BENCH_DATABASE names a PostgreSQL instead (an empty
// database).
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "accounts/accounts.h"
#include "base/check.h"
#include "base/random.h"

namespace holdfast::bench {
namespace {

constexpr int kAccounts = 10'000;
constexpr accounts::TimeMs kNow = 1'800'000'000'000;
constexpr const char* kPassword = "otter kettle violin marble";
constexpr crypto::PasswordCost kCost{};

// A service of many people, all with one password.
class House {
 public:
  House() {
    char pattern[] = "/tmp/holdfast-accounts-bench-XXXXXX";
    CHECK(::mkdtemp(pattern) != nullptr);
    folder_ = pattern;
    const char* const url = std::getenv("HOLDFAST_BENCH_DATABASE");
    database_ = Must(store::Database::Open(
        {.url = url != nullptr ? url : "sqlite:" + (folder_ / "a.db").string()}));
    ring_ = Must(crypto::KeyRing::Open(folder_ / "keys", crypto::DataKey::Random()));
    audit_ = Must(audit::Log::Open(folder_ / "audit.log"));
    accounts::AccountsOptions options;
    options.cost = kCost;
    accounts_ = Must(accounts::Accounts::Open(*database_, *ring_, *audit_, key_, options, kNow));
    const std::string hash = Must(crypto::HashPassword(Secret(kPassword), kCost));
    for (int i = 0; i < kAccounts; ++i) {
      const auto made =
          accounts_->people().Create({.name = Name(i), .email = {}, .password_hash = hash}, kNow);
      CHECK(made.has_value());
      auto session = accounts_->sessions().Begin(made->id, "bench", 0, kNow);
      CHECK(session.has_value());
      sessions_.emplace_back(session->Reveal());
    }
  }
  ~House() {
    accounts_.reset();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  static House& Shared() {
    static House house;
    return house;
  }
  static std::string Name(int i) { return "person" + std::to_string(i); }

  accounts::Accounts& accounts() { return *accounts_; }
  const std::vector<std::string>& sessions() const { return sessions_; }

 private:
  template <typename T>
  static T Must(Result<T> result) {
    CHECK_MSG(result.has_value(), "{}", result.error().message);
    return std::move(*result);
  }

  std::filesystem::path folder_;
  const crypto::HashKey key_ = crypto::HashKey::Random();
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<crypto::KeyRing> ring_;
  std::unique_ptr<audit::Log> audit_;
  std::unique_ptr<accounts::Accounts> accounts_;
  std::vector<std::string> sessions_;
};

void Argon2idAlone(benchmark::State& state) {
  const auto hash = crypto::HashPassword(Secret(kPassword), kCost);
  CHECK(hash.has_value());
  for (auto _ : state) CHECK(crypto::VerifyPassword(*hash, Secret(kPassword)));
  state.SetItemsProcessed(state.iterations());
}

void LogIn(benchmark::State& state) {
  House& house = House::Shared();
  Random random(1);
  for (auto _ : state) {
    const std::string name = House::Name(static_cast<int>(random.Next() % kAccounts));
    const auto done = house.accounts().LogIn(name, Secret(kPassword), "bench", kNow);
    CHECK(done && done->session);
  }
  state.SetItemsProcessed(state.iterations());
}

void CheckSession(benchmark::State& state) {
  House& house = House::Shared();
  Random random(2);
  for (auto _ : state) {
    const std::string& token = house.sessions()[random.Next() % kAccounts];
    CHECK(house.accounts().sessions().Find(token, kNow + 1).has_value());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(Argon2idAlone)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(LogIn)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(CheckSession)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();
