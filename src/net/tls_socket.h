// The client's side of a TLS handshake over a socket. Only net's sources include this.
#pragma once

#include "net/socket_stream.h"
#include "net/tls_client.h"

namespace holdfast::net {

// Errors: kPermissionDenied (the certificate is not trusted, with the reason), kDeadlineExceeded,
// kCancelled (stopped), kUnavailable, kIo (not TLS, or no common ground).
Awaitable<Result<std::unique_ptr<Stream>>> ConnectTls(Socket socket, const TlsClient& client,
                                                      const Endpoint& endpoint,
                                                      const DialOptions& options);

}  // namespace holdfast::net
