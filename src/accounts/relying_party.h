// RelyingParty: for which host and on which pages passkeys are good (WebAuthn's word). Browsers and
// passkeys hold to it, which is why nobody can fish for one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::accounts {

struct RelyingParty {
  std::string id;      // "chat.example"
  std::string origin;  // "https://chat.example", as browsers write it.
};

// Of the address that the operator has set. nullopt: passkeys cannot be of it: it is no address of
// HTTPS with a name, nor localhost.
std::optional<RelyingParty> RelyingPartyOf(std::string_view public_url);

// Where no address is set: of the request's own Host, if that is localhost. Who asks has checked
// the Host, and other names are nobody's word.
std::optional<RelyingParty> LocalRelyingParty(std::string_view host, bool is_encrypted);

}  // namespace holdfast::accounts
