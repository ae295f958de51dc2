#include "oidc/provider.h"

#include <utility>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/random.h"
#include "json/unique_keys.h"

namespace holdfast::oidc {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr json::Limits kLimits{.text_bytes_max = kAnswerBytesMax, .depth_max = 16};

std::string Challenge(std::string_view verifier) {
  crypto::Sha256 hash;
  hash.Update(verifier);
  const crypto::Digest256 digest = hash.Finish();
  return crypto::EncodeBase64Url(
      std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

struct Tokens {
  std::string id_token;
  std::string access_token;
};

// A status of 4xx is about this code; all else about the provider.
Result<Tokens> ReadTokens(const Fetched& fetched) {
  if (fetched.status >= 400 && fetched.status < 500) {
    return Fail(ErrorCode::kPermissionDenied, "the provider refuses the code with status {}",
                fetched.status);
  }
  if (fetched.status != 200) {
    return Fail(ErrorCode::kUnavailable, "the provider gives no token, status {}", fetched.status);
  }
  const Result<json::Value> value = json::ParseUnique(fetched.body, kLimits);
  if (!value || !value->is_object()) {
    return Fail(ErrorCode::kUnavailable, "the provider's answer for a token is no object");
  }
  const auto id_token = json::RequireString(value->as_object(), "id_token");
  const auto access_token = json::StringOr(value->as_object(), "access_token", "");
  if (!id_token || !access_token) {
    return Fail(ErrorCode::kUnavailable, "the provider's answer has no ID token");
  }
  return Tokens{*id_token, *access_token};
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Secrets MakeSecrets() {
  return {crypto::RandomToken(kSecretBytes), crypto::RandomToken(kSecretBytes),
          crypto::RandomToken(kSecretBytes)};
}

Provider::Provider(ProviderSpec spec, http::Url metadata_url, WallClock now)
    : spec_(std::move(spec)),
      metadata_url_(std::move(metadata_url)),
      now_(std::move(now)),
      fetcher_(spec_.tls_ca_file, spec_.fetch_time_max) {}

Result<std::unique_ptr<Provider>> Provider::Make(ProviderSpec spec, WallClock now) {
  TRY(CheckSpec(spec));
  TRY_ASSIGN(http::Url url, MetadataUrl(spec.issuer));
  return std::unique_ptr<Provider>(new Provider(std::move(spec), std::move(url), std::move(now)));
}

net::Awaitable<Result<Fetched>> Provider::Call(const http::Url& url, http::ClientRequest request) {
  // Leaves with the call, however it ends.
  struct Place {
    explicit Place(std::atomic<int>& calls) : calls(calls), count(++calls) {}
    ~Place() { --calls; }
    std::atomic<int>& calls;
    const int count;
  };
  const Place place(calls_);
  if (place.count > kCallsMax) {
    co_return Fail(ErrorCode::kUnavailable, "{} calls of provider {} are under way", kCallsMax,
                   spec_.id);
  }
  Result<Fetched> fetched = co_await fetcher_.Fetch(url, std::move(request));
  if (!fetched) {
    co_return Fail(ErrorCode::kUnavailable, "provider {}: {}", spec_.id, fetched.error().message);
  }
  co_return std::move(*fetched);
}

net::Awaitable<Result<std::string>> Provider::Get(const http::Url& url) {
  http::ClientRequest request;
  CO_TRY_ASSIGN(Fetched fetched, co_await Call(url, std::move(request)));
  if (fetched.status != 200) {
    co_return Fail(ErrorCode::kUnavailable, "provider {}: a document with status {}", spec_.id,
                   fetched.status);
  }
  co_return std::move(fetched.body);
}

// What is kept and old is still good while the provider is away: it said so itself an hour ago.
template <typename T, typename Read>
net::Awaitable<Result<std::shared_ptr<const T>>> Provider::Find(Kept<T>& kept, const http::Url& url,
                                                                bool must_refresh, Read read) {
  std::shared_ptr<const T> old;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = now_();
    old = kept.value;
    const bool is_fresh = now - kept.fetched_at_ms < (must_refresh ? kRefreshEveryMs : kKeepMs);
    const bool has_just_failed = now - kept.failed_at_ms < kRefreshEveryMs;
    const bool is_asked_for = must_refresh && now - kept.refreshed_at_ms < kRefreshEveryMs;
    if (old != nullptr && (is_fresh || has_just_failed || is_asked_for)) co_return old;
    if (has_just_failed) {
      co_return Fail(ErrorCode::kUnavailable, "provider {} was away a moment ago", spec_.id);
    }
    if (must_refresh) kept.refreshed_at_ms = now;
  }
  const Result<std::string> text = co_await Get(url);
  auto value = text ? read(*text) : Result<T>(Fail(text.error()));
  const std::lock_guard lock(mutex_);
  if (!value) {
    kept.failed_at_ms = now_();
    if (old != nullptr) co_return old;
    co_return Fail(ErrorCode::kUnavailable, "provider {}: {}", spec_.id, value.error().message);
  }
  kept.value = std::make_shared<const T>(std::move(*value));
  kept.fetched_at_ms = now_();
  co_return kept.value;
}

net::Awaitable<Result<std::shared_ptr<const Metadata>>> Provider::FindMetadata() {
  co_return co_await Find(metadata_, metadata_url_, false, [this](std::string_view text) {
    return ReadMetadata(text, spec_.issuer);
  });
}

net::Awaitable<Result<std::shared_ptr<const KeySet>>> Provider::FindKeys(const Metadata& metadata,
                                                                         bool must_refresh) {
  co_return co_await Find(keys_, metadata.keys, must_refresh,
                          [](std::string_view text) { return ReadKeySet(text); });
}

net::Awaitable<Result<std::string>> Provider::AuthorizationUrl(const Secrets& secrets,
                                                               bool must_show) {
  CO_TRY_ASSIGN(const auto metadata, co_await FindMetadata());
  const std::string scope = Join(spec_.scopes);
  const std::string challenge = Challenge(secrets.verifier);
  std::vector<std::pair<std::string_view, std::string_view>> fields = {
      {"response_type", "code"},
      {"client_id", spec_.client_id},
      {"redirect_uri", spec_.redirect_uri},
      {"scope", scope},
      {"state", secrets.state},
      {"nonce", secrets.nonce},
      {"code_challenge", challenge},
      {"code_challenge_method", "S256"}};
  if (must_show) {
    fields.emplace_back("prompt", "login");
    fields.emplace_back("max_age", "0");
  }
  const std::string& url = metadata->authorization.text;
  const char joint = url.find('?') == std::string::npos ? '?' : '&';
  co_return fmt::format("{}{}{}", url, joint, http::EncodeForm(fields));
}

http::ClientRequest Provider::TokenRequest(const Metadata& metadata, const Secrets& secrets,
                                           const Answer& answer) const {
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  std::vector<std::pair<std::string_view, std::string_view>> fields = {
      {"grant_type", "authorization_code"},
      {"code", answer.code},
      {"redirect_uri", spec_.redirect_uri},
      {"code_verifier", secrets.verifier}};
  const std::string_view secret = spec_.client_secret.Reveal();
  const bool is_basic = metadata.token_auth == TokenAuth::kBasic && !secret.empty();
  if (is_basic) {
    // Both are encoded as in a form first (RFC 6749, section 2.3.1).
    const std::string pair =
        http::PercentEncode(spec_.client_id) + ":" + http::PercentEncode(secret);
    request.headers.push_back({"Authorization", "Basic " + crypto::EncodeBase64(pair)});
  } else {
    fields.emplace_back("client_id", spec_.client_id);
    if (!secret.empty()) fields.emplace_back("client_secret", secret);
  }
  request.body = http::EncodeForm(fields);
  return request;
}

net::Awaitable<Result<Claims>> Provider::Exchange(const Secrets& secrets, const Answer& answer,
                                                  std::optional<std::int64_t> shown_since_s) {
  CO_TRY_ASSIGN(const auto metadata, co_await FindMetadata());
  // A code of one provider is never shown to another (RFC 9207): who mixes them up wants it.
  const bool is_of_another =
      answer.issuer.empty() ? metadata->names_issuer : answer.issuer != spec_.issuer;
  if (is_of_another || answer.code.empty() || answer.code.size() > kCodeBytesMax) {
    co_return Fail(ErrorCode::kPermissionDenied, "the answer is not of provider {}", spec_.id);
  }
  http::ClientRequest request = TokenRequest(*metadata, secrets, answer);
  CO_TRY_ASSIGN(const Fetched fetched, co_await Call(metadata->token, std::move(request)));
  CO_TRY_ASSIGN(const Tokens tokens, ReadTokens(fetched));
  const Expected expected{.issuer = spec_.issuer,
                          .client_id = spec_.client_id,
                          .nonce = secrets.nonce,
                          .access_token = tokens.access_token,
                          .now_s = now_() / 1000,
                          .shown_since_s = shown_since_s};
  CO_TRY_ASSIGN(auto keys, co_await FindKeys(*metadata, false));
  Result<Claims> claims = CheckIdToken(tokens.id_token, *keys, expected);
  if (!claims && claims.error().code == ErrorCode::kNotFound) {
    CO_TRY_ASSIGN(keys, co_await FindKeys(*metadata, true));
    claims = CheckIdToken(tokens.id_token, *keys, expected);
  }
  if (!claims) co_return Fail(ErrorCode::kPermissionDenied, "{}", claims.error().message);
  co_return std::move(*claims);
}

}  // namespace holdfast::oidc
