// What a connection did that no request tells of: it only shook hands, or it was slow on purpose.
// Told once, when it ends or is cut off; ordinary connections are not told. Value type.
#pragma once

#include <cstdint>

#include "guard/clock.h"
#include "guard/facts.h"

namespace holdfast::guard {

enum class ConnectionEvent : std::uint8_t {
  kHandshakeOnly,  // TLS was set up, or begun, and no request came.
  kSlowHead,       // The request's head did not come within its time.
  kSlowBody,       // Nor its body.
  kSlowRead,       // The answer was taken too slowly and the connection was cut off.
  kReset,          // Streams were opened and reset again and again (HTTP/2).
};
inline constexpr int kConnectionEventCount = static_cast<int>(ConnectionEvent::kReset) + 1;

struct ConnectionFacts {
  Time time{};
  Caller caller;  // Address and prefix; the fingerprint when the TLS hello was seen.
  ConnectionEvent event = ConnectionEvent::kHandshakeOnly;
  Duration held{0};  // How long it held its place.
};

}  // namespace holdfast::guard
