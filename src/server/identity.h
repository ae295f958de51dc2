// Identity: who asks, as far as the connection and the head tell it. Addresses become keyed hashes
// here, at the door: nothing behind it sees one. Value types; CallerHasher is thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "crypto/keyed_hash.h"
#include "guard/facts.h"
#include "http/forwarded.h"
#include "http/message.h"
#include "net/address.h"

namespace holdfast::server {

struct Identity {
  guard::Caller caller;
  guard::Standing standing = guard::Standing::kAnonymous;
  // Opaque name for engines: who shares it may share prefixes in a cache. An address that many are
  // behind is told apart by make of client and by key.
  std::string client;
  bool is_local = false;      // Connects from this machine, for nobody else (this_machine.h).
  bool is_encrypted = false;  // On its way to us or to the proxy before us.
};

class CallerHasher {
 public:
  // The key must outlive this.
  explicit CallerHasher(const crypto::HashKey& key) : key_(key) {}

  // Address and prefix alone.
  guard::Caller OfAddress(const net::Address& address) const;
  // A client of its own, wherever it asks from; `key_id` empty: none.
  void NameAccount(Identity& identity, std::string_view account_id, std::string_view key_id) const;
  // Whose account a log-in or a sign-up is about, as the guard knows it.
  void NameLogin(Identity& identity, std::string_view name) const;
  // All but the name for engines.
  Identity Identify(const http::RequestHead& head, const http::ClientFacts& client) const;
  // Of whom no account is known.
  void NameStranger(Identity& identity, const http::RequestHead& head) const;

 private:
  std::uint64_t Name(std::string_view kind, std::string_view text) const;
  std::uint64_t Fingerprint(const http::RequestHead& head) const;

  const crypto::HashKey& key_;
};

}  // namespace holdfast::server
