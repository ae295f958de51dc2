// TlsClient: how a client of ours trusts a server: which authorities, and under which name. TLS 1.2
// and up. Immutable after Open, so thread-safe; must outlive its streams.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::net {

struct TlsClientOptions {
  std::filesystem::path ca_file;  // PEM; empty: the system's authorities.
  std::string server_name;        // A host name or an address, which the certificate must name.
  bool insecure = false;          // Trusts anybody.
};

class TlsClient {
 public:
  // Errors: kInvalidArgument (no server name, a file that holds no certificate), naming the file.
  [[nodiscard]] static Result<std::unique_ptr<const TlsClient>> Open(
      const TlsClientOptions& options);
  ~TlsClient();

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit TlsClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
