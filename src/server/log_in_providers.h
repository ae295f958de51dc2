// The OpenID providers of the configuration, ready to be talked to. Free function.
#pragma once

#include <memory>

#include "api/account/provider_desk.h"
#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// `is_public`: other machines reach the gateway; then it needs accounts.public_url, from which the
// addresses are made that providers send people back to. Errors: kInvalidArgument, naming the
// provider; those of ReadSecretLine.
[[nodiscard]] Result<std::unique_ptr<api::ProviderDesk>> OpenProviders(const Config& config,
                                                                       bool is_public);

}  // namespace holdfast::server
