// ProviderSpec: an OpenID provider as an operator names it: who it is, how we are known there, and
// who may come from there. Value type; free function.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace holdfast::oidc {

inline constexpr std::size_t kProvidersMax = 16;

struct ProviderSpec {
  std::string id;      // In our addresses and the audit log: a-z 0-9 -, at most 32.
  std::string name;    // On the button.
  std::string issuer;  // Exactly as the provider writes it.
  std::string client_id;
  Secret client_secret;                          // Empty: a public client, by PKCE alone.
  std::vector<std::string> scopes = {"openid"};  // With "openid".
  std::vector<std::string> domains;              // Of verified mail addresses; empty: anyone.
  std::filesystem::path tls_ca_file;             // PEM; empty: the system's authorities.
  std::string redirect_uri;                      // Ours, as it is registered there.
  // For one request to it, all of it: the name, connecting, TLS, the answer to its last byte.
  std::chrono::milliseconds fetch_time_max{8'000};
};

// Errors: kInvalidArgument, naming the setting. An issuer is https, or on this machine itself.
[[nodiscard]] Result<void> CheckSpec(const ProviderSpec& spec);

}  // namespace holdfast::oidc
