#include "drill/attackers/connection_attack.h"

#include <algorithm>

#include "drill/lengths.h"

namespace holdfast::drill {
namespace {

using guard::ConnectionEvent;

constexpr double kJitter = 0.3;
// Of a burst of streams on one connection, which is then closed for its resets.
constexpr Duration kResetBurst = std::chrono::milliseconds(200);

}  // namespace

// The door's timeout ends it if the attacker does not.
void ConnectionAttack::Hold(World& world, std::uint32_t caller, ConnectionEvent event,
                            Duration timeout) {
  const Duration held = std::min(guard::FromSeconds(attack_.hold_s), timeout);
  world.OpenSlowConnection(caller, event, world.now() + held);
}

void ConnectionAttack::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  const DoorResources& door = world.scenario().resources;
  WakeAgain(world, caller, kJitter);
  switch (attack_.kind) {
    case CallerKind::kSlowHead:
      Hold(world, caller, ConnectionEvent::kSlowHead, door.head_timeout);
      break;
    case CallerKind::kSlowBody:
      Hold(world, caller, ConnectionEvent::kSlowBody, door.body_timeout);
      break;
    case CallerKind::kHandshakeFlood:
      Hold(world, caller, ConnectionEvent::kHandshakeOnly, door.idle_timeout);
      break;
    case CallerKind::kStreamResets:
      Hold(world, caller, ConnectionEvent::kReset, kResetBurst);
      break;
    default: {  // kSlowRead begins with an honest-looking request.
      CallerState& source = world.caller(caller);
      const TokenCounts tokens = DrawTokens(attack_.lengths, source.random);
      world.Ask(caller, {.route = guard::Route::kChat,
                         .payload = SomePayload(world, source),
                         .prompt_tokens = tokens.prompt,
                         .output_tokens = tokens.output,
                         .patience = guard::FromSeconds(attack_.patience_s),
                         .opens_connection = true,
                         .reads = false});
    }
  }
}

Duration ConnectionAttack::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  if (end.ending == guard::Ending::kServed) {
    Hold(world, wish.caller, ConnectionEvent::kSlowRead, world.scenario().resources.write_timeout);
  }
  return kNoRetry;
}

}  // namespace holdfast::drill
