// ProviderDesk: the providers that people may come from, the log-ins there that are under way, and
// what became of those that came back, until the page has asked. What came back waits under the
// browser's own token, so that no address holds any of it.
//
// Limits: kArrivalsMax wait at once; the oldest gives way. Each is good for oidc::kLifeMs.
// Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.h"
#include "oidc/log_in_table.h"
#include "oidc/provider.h"

namespace holdfast::api {

inline constexpr std::size_t kArrivalsMax = 8192;

// Somebody who came back. One of the three.
struct Arrival {
  std::string provider;
  std::optional<accounts::ProviderPerson> person;  // New here: to be asked for a name.
  std::string wished_name;
  std::string second_factor;  // A token; what is still missing.
  std::optional<accounts::Refused> refused;
};

class ProviderDesk {
 public:
  // Errors: those of oidc::CheckSpec; kInvalidArgument: two of one id or issuer, or too many.
  [[nodiscard]] static Result<std::unique_ptr<ProviderDesk>> Open(
      std::vector<oidc::ProviderSpec> specs, const oidc::Provider::WallClock& now);

  const std::vector<std::unique_ptr<oidc::Provider>>& providers() const { return providers_; }
  // Null: there is none.
  oidc::Provider* Find(std::string_view id) const;
  const oidc::Provider* FindByIssuer(std::string_view issuer) const;

  oidc::LogInTable& log_ins() { return log_ins_; }

  // `browser`: the token in its cookie.
  void Put(std::string_view browser, Arrival arrival, std::int64_t now_ms);
  std::optional<Arrival> Look(std::string_view browser, std::int64_t now_ms) const;
  void Drop(std::string_view browser);

 private:
  struct Waiting {
    Arrival arrival;
    std::int64_t at_ms = 0;
    std::uint64_t number = 0;
  };

  ProviderDesk() = default;

  std::vector<std::unique_ptr<oidc::Provider>> providers_;
  oidc::LogInTable log_ins_;
  mutable std::mutex mutex_;
  std::map<std::string, Waiting, std::less<>> arrivals_;  // By the hash of the browser's token.
  // In the order in which they came; of one that was replaced or dropped, the number fits no more.
  std::deque<std::pair<std::uint64_t, std::string>> order_;
  std::uint64_t next_number_ = 0;
};

}  // namespace holdfast::api
