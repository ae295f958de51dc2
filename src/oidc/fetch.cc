#include "oidc/fetch.h"

#include <utility>

namespace holdfast::oidc {

// Reading the system's authorities takes a while, so it is done once for each host.
Result<const net::TlsClient*> Fetcher::TlsOf(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto found = tls_.find(host);
  if (found != tls_.end()) return found->second.get();
  if (tls_.size() >= kHostsMax) {
    return Fail(ErrorCode::kResourceExhausted, "a provider on more than {} hosts", kHostsMax);
  }
  TRY_ASSIGN(auto tls, net::TlsClient::Open({.ca_file = tls_ca_file_, .server_name = host}));
  return tls_.emplace(host, std::move(tls)).first->second.get();
}

net::Awaitable<Result<Fetched>> Fetcher::Fetch(const http::Url& url, http::ClientRequest request) {
  const net::TimePoint deadline = net::Clock::now() + time_max_;
  request.target = url.target;
  request.host = url.host;
  request.headers.push_back({"Accept", "application/json"});
  request.headers.push_back({"User-Agent", "holdfast"});
  net::DialOptions options{.deadline = deadline};
  if (url.is_https) {
    CO_TRY_ASSIGN(options.tls, TlsOf(url.endpoint.host));
  }
  CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream, co_await net::Dial(url.endpoint, options));
  http::ClientCall call;
  CO_TRY(co_await call.StartOn(std::move(stream), request, deadline));
  CO_TRY_ASSIGN(std::string body, co_await call.ReadAll(kAnswerBytesMax, deadline));
  co_return Fetched{call.head().status, std::move(body)};
}

}  // namespace holdfast::oidc
