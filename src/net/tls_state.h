// What a TlsContext holds. Only net's sources include this.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include <boost/asio/ssl/context.hpp>
#include <sys/stat.h>

#include "net/asio.h"
#include "net/tls.h"

namespace holdfast::net {

struct TlsContext::State {
  using Ssl = asio::ssl::context;

  // By which a file is seen to be another than before.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    time_t seconds = 0;
    long nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Stamps {
    Stamp certificate_chain, private_key;
    bool operator==(const Stamps&) const = default;
  };
  Stamps Look() const;
  Result<std::shared_ptr<Ssl>> Load() const;

  // What new connections use; a stream's SSL keeps its own alive. OpenSSL locks what it changes.
  std::shared_ptr<Ssl> Current();

  std::filesystem::path certificate_chain;
  std::filesystem::path private_key;

  std::mutex mutex;  // Held over two looks at files, and over reading them when they changed.
  std::shared_ptr<Ssl> ssl;
  Stamps seen;  // When it was last tried to read them.
};

}  // namespace holdfast::net
