// TlsContext: a server's certificate and key. TLS 1.2 and up, no compression, no renegotiation.
// When its files change, connections made from then on use what is in them, and those before go on
// as they are; files that are broken, missing or do not fit each other change nothing, and a
// warning says so. Thread-safe; must outlive the accepting of its streams.
#pragma once

#include <filesystem>
#include <memory>

#include "net/awaitable.h"
#include "net/stream.h"

namespace holdfast::net {

class TlsContext {
 public:
  // PEM files. Errors name the file.
  [[nodiscard]] static Result<std::unique_ptr<const TlsContext>> Open(
      const std::filesystem::path& certificate_chain, const std::filesystem::path& private_key);
  ~TlsContext();

  struct State;
  State& state() const { return *state_; }

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
