// The server's side of TLS over a socket. OpenSSL reads and writes the socket itself and holds its
// buffers only while there is something in them, so a connection that waits costs about 10 KiB.
// Only net's sources include this.
#pragma once

#include "net/connection_quota.h"
#include "net/socket_stream.h"
#include "net/tls.h"

namespace holdfast::net {

// The slot may give way meanwhile. Errors: kIo (not TLS, or no common ground), kDeadlineExceeded.
Awaitable<Result<std::unique_ptr<Stream>>> AcceptTls(Socket socket, const TlsContext& context,
                                                     ConnectionSlot& slot, TimePoint deadline);

}  // namespace holdfast::net
