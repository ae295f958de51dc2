#include "api/account/provider_desk.h"

#include <utility>

#include "accounts/tokens.h"

namespace holdfast::api {

Result<std::unique_ptr<ProviderDesk>> ProviderDesk::Open(std::vector<oidc::ProviderSpec> specs,
                                                         const oidc::Provider::WallClock& now) {
  if (specs.size() > oidc::kProvidersMax) {
    return Fail(ErrorCode::kInvalidArgument, "more than {} providers", oidc::kProvidersMax);
  }
  std::unique_ptr<ProviderDesk> desk(new ProviderDesk);
  for (oidc::ProviderSpec& spec : specs) {
    // Accounts remember the issuer alone, so two entries of one could not be told apart.
    if (desk->Find(spec.id) != nullptr || desk->FindByIssuer(spec.issuer) != nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "provider '{}': its id or issuer is there twice",
                  spec.id);
    }
    TRY_ASSIGN(auto provider, oidc::Provider::Make(std::move(spec), now));
    desk->providers_.push_back(std::move(provider));
  }
  return desk;
}

oidc::Provider* ProviderDesk::Find(std::string_view id) const {
  for (const auto& provider : providers_) {
    if (provider->spec().id == id) return provider.get();
  }
  return nullptr;
}

const oidc::Provider* ProviderDesk::FindByIssuer(std::string_view issuer) const {
  for (const auto& provider : providers_) {
    if (provider->spec().issuer == issuer) return provider.get();
  }
  return nullptr;
}

void ProviderDesk::Put(std::string_view browser, Arrival arrival, std::int64_t now_ms) {
  const std::string key = accounts::TokenHash(browser);
  const std::lock_guard lock(mutex_);
  while (!order_.empty() && order_.size() >= kArrivalsMax) {
    const auto oldest = arrivals_.find(order_.front().second);
    if (oldest != arrivals_.end() && oldest->second.number == order_.front().first) {
      arrivals_.erase(oldest);
    }
    order_.pop_front();
  }
  const std::uint64_t number = next_number_++;
  arrivals_.insert_or_assign(key, Waiting{std::move(arrival), now_ms, number});
  order_.emplace_back(number, key);
}

std::optional<Arrival> ProviderDesk::Look(std::string_view browser, std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrivals_.find(accounts::TokenHash(browser));
  if (browser.empty() || found == arrivals_.end()) return std::nullopt;
  if (now_ms - found->second.at_ms >= oidc::kLifeMs) return std::nullopt;
  return found->second.arrival;
}

void ProviderDesk::Drop(std::string_view browser) {
  const std::lock_guard lock(mutex_);
  arrivals_.erase(accounts::TokenHash(browser));
}

}  // namespace holdfast::api
