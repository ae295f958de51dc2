// ThisMachine: whether a request comes from this machine itself, for nobody else: what an operator
// at its keyboard may see, and who may chat before there are accounts. Any sign of a proxy, of a
// name that is not this machine's, or of a page of another origin says no. Pure; thread-safe.
#pragma once

#include "http/message.h"
#include "net/address.h"

namespace holdfast::server {

struct ThisMachineRules {
  // Off once the service is reached by others: it has a public address, or proxies before it.
  bool is_on = true;
};

bool IsThisMachine(const http::RequestHead& head, const net::Address& peer,
                   const ThisMachineRules& rules);

// Of one origin with this service: the Origin's host and port are those that were asked. nullopt:
// the request names none.
std::optional<bool> IsSameOrigin(const http::RequestHead& head);

}  // namespace holdfast::server
