// The guard at connections: the live door decides about each new one before it costs anything, and
// hears of those that waste their place. Free function.
#pragma once

#include "http/server.h"
#include "server/address_book.h"
#include "server/identity.h"
#include "server/live_door.h"
#include "server/settlement.h"

namespace holdfast::server {

// `options` says already whether connections begin with a TLS handshake. All else outlives the
// server; who is refused is noted in the book, for the kernel's list.
void PutGuardAt(http::ServerOptions& options, LiveDoor& door, const CallerHasher& hasher,
                Settlement& settlement, AddressBook& book);

}  // namespace holdfast::server
