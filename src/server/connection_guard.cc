#include "server/connection_guard.h"

#include <optional>

namespace holdfast::server {
namespace {

guard::ConnectionFacts ToConnectionFacts(const http::ConnectionEnd& end,
                                         const CallerHasher& hasher) {
  guard::ConnectionFacts facts;
  facts.caller = hasher.OfAddress(end.peer);
  facts.held = end.held;
  switch (end.event) {
    case http::ConnectionEvent::kHandshakeOnly:
      facts.event = guard::ConnectionEvent::kHandshakeOnly;
      break;
    case http::ConnectionEvent::kSlowHead:
      facts.event = guard::ConnectionEvent::kSlowHead;
      break;
    case http::ConnectionEvent::kSlowBody:
      facts.event = guard::ConnectionEvent::kSlowBody;
      break;
    case http::ConnectionEvent::kSlowRead:
      facts.event = guard::ConnectionEvent::kSlowRead;
      break;
  }
  return facts;
}

}  // namespace

void PutGuardAt(http::ServerOptions& options, LiveDoor& door, const CallerHasher& hasher,
                Settlement& settlement, AddressBook& book) {
  const bool is_encrypted = options.tls != nullptr;
  options.gate = [&door, &hasher, is_encrypted](const net::Address& address) {
    const auto refusal = door.Connect(hasher.OfAddress(address), is_encrypted);
    return refusal ? guard::ToReason(refusal->refusal) : std::nullopt;
  };
  options.on_connection_refused = [&](const net::Address& address, Reason reason) {
    settlement.CountRefusedConnection(reason);
    book.Note(hasher.OfAddress(address).address, address);
  };
  options.on_connection_end = [&](const http::ConnectionEnd& end) {
    const guard::ConnectionFacts facts = ToConnectionFacts(end, hasher);
    book.Note(facts.caller.address, end.peer);
    door.OnConnection(facts);
  };
}

}  // namespace holdfast::server
