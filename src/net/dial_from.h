// DialFrom: a connection from an address of one's choice, as a program needs that plays many
// clients on one machine. On the calling coroutine's I/O thread.
#pragma once

#include <memory>

#include "net/address.h"
#include "net/stream.h"

namespace holdfast::net {

struct Source {
  Address address;               // IPv4, of this machine: any of 127.0.0.0/8 is.
  int receive_buffer_bytes = 0;  // 0: as the system chooses.
};

// To a numeric IPv4 endpoint. The port is chosen by the system for each pair of addresses, so that
// each source has all of them. Errors: as Dial, and kInvalidArgument (an address is not IPv4, or
// the source is not of this machine).
Awaitable<Result<std::unique_ptr<Stream>>> DialFrom(const Source& source, const Endpoint& endpoint,
                                                    TimePoint deadline);

}  // namespace holdfast::net
