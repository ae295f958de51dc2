// Authenticator: who asks, from the head alone: the session of a cookie, the key of an
// Authorization header, or nobody. Looked up with every request, so that what was revoked is of no
// use at once.
//
// A cookie is worth something on HTTPS or on this machine only; and where it would change anything,
// only to a request that says it comes from a page of ours (Origin): other pages can make a browser
// send the cookie, and not that.
//
// Thread-safe; waits for the database on the blocking pool.
#pragma once

#include <cstdint>
#include <optional>

#include "accounts/accounts.h"
#include "api/endpoint.h"
#include "net/blocking_pool.h"
#include "server/identity.h"

namespace holdfast::server {

enum class AnonymousUse : std::uint8_t { kOff, kLocal, kEveryone };

class Authenticator {
 public:
  // All of it outlives this.
  Authenticator(accounts::Accounts& accounts, net::BlockingPool& pool, AnonymousUse anonymous)
      : accounts_(accounts), pool_(pool), anonymous_(anonymous) {}

  // nullopt: nobody that is known. Refusals as the endpoint's access asks for: kUnauthenticated,
  // kForbidden, kAccountPaused, kStoreDown.
  net::Awaitable<api::ApiResult<std::optional<accounts::Identity>>> Look(
      const http::RequestHead& head, const Identity& caller, const api::Endpoint& endpoint) const;

  // Nothing in the head names anybody, and the endpoint serves strangers: Look would find nobody,
  // and need not be asked.
  bool IsStranger(const http::RequestHead& head, const Identity& caller,
                  const api::Endpoint& endpoint) const;

  bool MayBeAnonymous(const Identity& caller) const {
    return anonymous_ == AnonymousUse::kEveryone ||
           (anonymous_ == AnonymousUse::kLocal && caller.is_local);
  }

 private:
  net::Awaitable<accounts::Outcome<accounts::Identity>> FindSession(std::string token) const;
  net::Awaitable<accounts::Outcome<accounts::Identity>> FindKey(std::string key) const;

  accounts::Accounts& accounts_;
  net::BlockingPool& pool_;
  const AnonymousUse anonymous_;
};

}  // namespace holdfast::server
