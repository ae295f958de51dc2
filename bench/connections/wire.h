// Wire: a client's end of one connection to a loopback port, plain or TLS; never blocks.
// Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace holdfast::bench {

// What TLS clients have in common. Any certificate will do.
class TlsClients {
 public:
  [[nodiscard]] static Result<TlsClients> Make();
  ssl_ctx_st* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

// Writes a self-signed certificate for localhost and its key, as PEM.
[[nodiscard]] Result<void> WriteCertificate(const std::filesystem::path& certificate,
                                            const std::filesystem::path& key);

// Where to connect to, and from where.
struct Way {
  int port = 0;
  std::uint32_t source = 0;         // IPv4 address, as a number; 0: any.
  const TlsClients* tls = nullptr;  // Null: plain.
};

class Wire {
 public:
  enum class State { kDone, kWaits, kFailed };

  // Begins to connect. Errors: kIo, kResourceExhausted (no descriptor left).
  [[nodiscard]] static Result<Wire> Connect(const Way& way);
  Wire(Wire&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        ssl_(std::move(other.ssl_)),
        is_connected_(other.is_connected_) {}
  Wire& operator=(Wire&&) = delete;
  ~Wire() { Close(); }

  int fd() const { return fd_; }
  bool is_encrypted() const { return ssl_ != nullptr; }
  // Goes on with connecting and the handshake.
  State Prepare();
  // kDone: `count` bytes were sent or received, at least one. kFailed of Receive: also the end.
  State Send(std::string_view bytes, std::size_t& count);
  State Receive(std::span<char> bytes, std::size_t& count);
  void Close();

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  explicit Wire(int fd) : fd_(fd) {}
  State Judge(long outcome, std::size_t& count);

  int fd_ = -1;
  std::unique_ptr<ssl_st, Free> ssl_;
  bool is_connected_ = false;
};

}  // namespace holdfast::bench
