// Forwarded: for whom a trusted reverse proxy asks, by the header Forwarded (RFC 7239) or by
// X-Forwarded-For and X-Forwarded-Proto. The list is walked from its end, where the nearest proxy
// wrote, up to the first address that is no trusted proxy: what stands before that is hearsay.
// Nobody else is believed either header. Pure functions.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "http/message.h"
#include "net/address.h"

namespace holdfast::http {

struct ClientFacts {
  net::Address address;
  bool is_encrypted = false;
  // What the client named, where the proxy says so; empty: see the request's own Host.
  std::string host;
};

// `peer` is what the connection says. A trusted proxy that hides its client, or does not know it,
// stays the address. Refusal 400: a trusted proxy's header breaks its grammar or has more than 64
// elements, or its two headers name different clients, as when one of them came from the client.
std::expected<ClientFacts, Refusal> ClientOf(const RequestHead& head, const ClientFacts& peer,
                                             std::span<const net::Network> trusted);

}  // namespace holdfast::http
