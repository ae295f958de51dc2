// The server's side of a TLS handshake over a socket. Only net's sources include this.
#pragma once

#include "net/connection_quota.h"
#include "net/socket_stream.h"
#include "net/tls.h"

namespace holdfast::net {

// The slot may give way meanwhile. Errors: kIo (not TLS, or no common ground), kDeadlineExceeded.
Awaitable<Result<std::unique_ptr<Stream>>> AcceptTls(Socket socket, const TlsContext& context,
                                                     ConnectionSlot& slot, TimePoint deadline);

}  // namespace holdfast::net
