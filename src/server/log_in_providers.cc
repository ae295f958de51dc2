#include "server/log_in_providers.h"

#include <utility>
#include <vector>

#include "base/secret_file.h"
#include "server/account_office.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

Result<oidc::ProviderSpec> SpecOf(const OidcEntry& entry, const std::string& public_url) {
  oidc::ProviderSpec spec;
  spec.id = entry.id;
  spec.name = entry.name.empty() ? entry.id : entry.name;
  spec.issuer = entry.issuer;
  spec.client_id = entry.client_id;
  spec.scopes = entry.scopes;
  spec.domains = entry.domains;
  spec.tls_ca_file = entry.tls_ca_file;
  spec.redirect_uri = fmt::format("{}/api/oidc/{}/callback", public_url, entry.id);
  if (!entry.client_secret_file.empty()) {
    TRY_ASSIGN(spec.client_secret, ReadSecretLine(entry.client_secret_file));
  }
  return spec;
}

}  // namespace

Result<std::unique_ptr<api::ProviderDesk>> OpenProviders(const Config& config, bool is_public) {
  if (!config.oidc.empty() && is_public && config.accounts.public_url.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "[[oidc]] needs accounts.public_url: where a provider sends people back to");
  }
  std::vector<oidc::ProviderSpec> specs;
  for (const OidcEntry& entry : config.oidc) {
    TRY_ASSIGN(oidc::ProviderSpec spec, SpecOf(entry, PublicUrl(config)));
    specs.push_back(std::move(spec));
  }
  return api::ProviderDesk::Open(std::move(specs), WallClockMs);
}

}  // namespace holdfast::server
