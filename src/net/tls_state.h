// What a TlsContext holds. Only net's sources include this.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "net/asio.h"
#include "net/tls.h"

namespace holdfast::net {

struct TlsContext::State {
  // Streams take a non-const native handle; OpenSSL locks what it changes.
  mutable asio::ssl::context context{asio::ssl::context::tls_server};
};

}  // namespace holdfast::net
