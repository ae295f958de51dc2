// WithAccounts: a fixture for tests only: Accounts over an empty database, of each kind in turn,
// with a key ring and an audit log in the test's folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "accounts/accounts.h"
#include "store/testing/both_databases.h"

namespace holdfast::accounts::testing {

inline constexpr TimeMs kNow = 1'800'000'000'000;
inline constexpr const char* kPassword = "otter kettle violin marble";

// Of an outcome that must be a refusal.
template <typename T>
Reason ReasonOf(const Outcome<T>& outcome) {
  EXPECT_FALSE(outcome.has_value());
  return outcome ? Reason::kInternal : outcome.error().reason;
}

// Where anybody may register, and a password costs little.
inline AccountsOptions TestOptions() {
  AccountsOptions options;
  options.mode = Mode::kOpen;
  options.cost = {1, 8 << 10};  // Of tests alone.
  return options;
}

class WithAccounts : public store::testing::BothDatabases {
 protected:
  explicit WithAccounts(const AccountsOptions& options = TestOptions()) {
    auto ring = crypto::KeyRing::Open(folder() / "keys", crypto::DataKey::Random());
    EXPECT_TRUE(ring) << ring.error().message;
    ring_ = std::move(*ring);
    auto audit = audit::Log::Open(folder() / "audit.log");
    EXPECT_TRUE(audit) << audit.error().message;
    audit_ = std::move(*audit);
    auto accounts = Accounts::Open(database(), *ring_, *audit_, key_, options, kNow);
    EXPECT_TRUE(accounts) << accounts.error().message;
    accounts_ = std::move(*accounts);
  }

  Outcome<SignedUp> SignUp(const std::string& name, std::optional<std::string> email = {}) {
    return accounts_->SignUp({.name = name, .email = std::move(email), .invitation = {}},
                             Secret(kPassword), "Firefox", kNow);
  }
  Identity WhoIs(const Secret& session, TimeMs now = kNow) {
    const auto found = accounts_->sessions().Find(session.Reveal(), now);
    EXPECT_TRUE(found) << found.error().detail;
    return found.value_or(Identity{});
  }

  const crypto::HashKey key_ = crypto::HashKey::Random();
  std::unique_ptr<crypto::KeyRing> ring_;
  std::unique_ptr<audit::Log> audit_;
  std::unique_ptr<Accounts> accounts_;
};

}  // namespace holdfast::accounts::testing
