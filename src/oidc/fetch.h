// Fetcher: one request to a provider and its whole answer, within a time and a number of bytes. No
// redirect is followed: where a provider's endpoints are, its metadata says. Thread-safe; a fetch
// runs on the calling coroutine's I/O thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/client.h"
#include "http/url.h"
#include "net/tls_client.h"

namespace holdfast::oidc {

inline constexpr std::size_t kAnswerBytesMax = 256 << 10;
// Hosts of one provider; a further one is refused.
inline constexpr std::size_t kHostsMax = 8;

struct Fetched {
  int status = 0;
  std::string body;
};

class Fetcher {
 public:
  Fetcher(std::filesystem::path tls_ca_file, std::chrono::milliseconds time_max)
      : tls_ca_file_(std::move(tls_ca_file)), time_max_(time_max) {}

  // Errors: those of net::Dial, net::TlsClient::Open and http::ClientCall; kResourceExhausted (too
  // many hosts). Any status is an answer.
  net::Awaitable<Result<Fetched>> Fetch(const http::Url& url, http::ClientRequest request);

 private:
  Result<const net::TlsClient*> TlsOf(const std::string& host);

  const std::filesystem::path tls_ca_file_;
  const std::chrono::milliseconds time_max_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const net::TlsClient>, std::less<>> tls_;
};

}  // namespace holdfast::oidc
