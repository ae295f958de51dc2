// Provider: one OpenID provider as the service talks to it: its metadata and keys, fetched and kept
// for a while; the address people are sent to; and the exchange of the code that they bring back
// for who they are (authorization code with PKCE, RFC 7636, and a nonce).
//
// What it fetches is bounded: in time and bytes each, kCallsMax at once, and what is kept or failed
// is not asked for again before its time, however many people come. A new key of the provider's is
// found when a token names one that is not known, kRefreshEvery at most.
//
// Thread-safe; must outlive its calls. A call runs on the calling coroutine's I/O thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "oidc/fetch.h"
#include "oidc/id_token.h"
#include "oidc/metadata.h"
#include "oidc/provider_spec.h"

namespace holdfast::oidc {

inline constexpr std::int64_t kKeepMs = 60 * 60 * 1000;
// After a failure, and between two looks for a new key.
inline constexpr std::int64_t kRefreshEveryMs = 10'000;
inline constexpr int kCallsMax = 32;
inline constexpr std::size_t kCodeBytesMax = 2048;

// What only the two ends of one log-in know.
struct Secrets {
  std::string state;
  std::string nonce;
  std::string verifier;  // Of PKCE.
};
Secrets MakeSecrets();

// What the person's browser brought back.
struct Answer {
  std::string code;
  std::string issuer;  // Of RFC 9207; empty: none was given.
};

class Provider {
 public:
  // Milliseconds since 1970.
  using WallClock = std::function<std::int64_t()>;

  // Errors: those of CheckSpec.
  [[nodiscard]] static Result<std::unique_ptr<Provider>> Make(ProviderSpec spec, WallClock now);

  const ProviderSpec& spec() const { return spec_; }

  // Where to send somebody; `must_show`: who is logged in there shows anew who they are.
  // Errors: kUnavailable: the provider is away, slow, or says what cannot be used.
  net::Awaitable<Result<std::string>> AuthorizationUrl(const Secrets& secrets, bool must_show);

  // Who came back. `shown_since_s`: see Expected. Errors: kUnavailable, as above;
  // kPermissionDenied: the code or the token is not good, or the answer is of another provider.
  net::Awaitable<Result<Claims>> Exchange(const Secrets& secrets, const Answer& answer,
                                          std::optional<std::int64_t> shown_since_s);

 private:
  Provider(ProviderSpec spec, http::Url metadata_url, WallClock now);

  static constexpr std::int64_t kNever = INT64_MIN / 2;

  // Something that is fetched and kept.
  template <typename T>
  struct Kept {
    std::shared_ptr<const T> value;
    std::int64_t fetched_at_ms = kNever;
    std::int64_t refreshed_at_ms = kNever;
    std::int64_t failed_at_ms = kNever;
  };

  net::Awaitable<Result<std::string>> Get(const http::Url& url);
  template <typename T, typename Read>
  net::Awaitable<Result<std::shared_ptr<const T>>> Find(Kept<T>& kept, const http::Url& url,
                                                        bool must_refresh, Read read);
  net::Awaitable<Result<std::shared_ptr<const Metadata>>> FindMetadata();
  net::Awaitable<Result<std::shared_ptr<const KeySet>>> FindKeys(const Metadata& metadata,
                                                                 bool must_refresh);
  net::Awaitable<Result<Fetched>> Call(const http::Url& url, http::ClientRequest request);
  http::ClientRequest TokenRequest(const Metadata& metadata, const Secrets& secrets,
                                   const Answer& answer) const;

  const ProviderSpec spec_;
  const http::Url metadata_url_;
  const WallClock now_;
  Fetcher fetcher_;
  std::atomic<int> calls_ = 0;
  std::mutex mutex_;
  Kept<Metadata> metadata_;
  Kept<KeySet> keys_;
};

}  // namespace holdfast::oidc
