// Rows of the traffic journal: what was asked at the door, what was decided, and what became of it,
// as plain facts. No prompt, no address, no name: identities are the keyed hashes of guard::Caller.
// Value types. On disk each row takes kRowBytes; docs/formats/journal.md has the layout.
//
// Durations are kept in milliseconds: a wait or Retry-After is rounded up, others to the nearest.
// What is longer than 49 days is cut to that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "guard/door.h"
#include "guard/evidence/connection_facts.h"
#include "guard/facts.h"
#include "guard/limits/restrictions.h"
#include "guard/overload/engine_report.h"
#include "guard/overload/ladder.h"

namespace holdfast::journal {

inline constexpr std::size_t kRowBytes = 104;
using EncodedRow = std::array<std::byte, kRowBytes>;

// One attempt, and the first word about it. A refusal, and a page that was let in, is complete in
// itself (`id` is 0); of others what follows has the same id. Ids are of one instance.
struct Asked {
  guard::DoorId id = 0;
  guard::RequestFacts facts;  // Its time is the row's.
  guard::Door::Word::What what = guard::Door::Word::kStart;
  guard::Refusal refusal = guard::Refusal::kNone;
  guard::Duration retry_after{0};
  guard::Duration wait{0};  // As first told to who waits.
};

// Of who waited: started, or refused after all; then it has ended.
struct Decided {
  guard::DoorId id = 0;
  guard::Refusal refusal = guard::Refusal::kNone;  // kNone: started.
  guard::Duration retry_after{0};
};

struct FirstToken {
  guard::DoorId id = 0;
};

// Who asked, on which route and when, is in the row of its id.
struct Ended {
  guard::DoorId id = 0;
  guard::Duration held{0};  // From arrival.
  guard::Ending ending = guard::Ending::kServed;
  guard::Refusal refusal = guard::Refusal::kNone;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  guard::Duration first_token{0};     // From arrival; 0: there was none.
  guard::Duration token_interval{0};  // In microseconds also on disk.
  bool was_read = false;
  bool failed_login = false;
};

struct Connection {
  guard::Caller caller;
  guard::ConnectionEvent event = guard::ConnectionEvent::kHandshakeOnly;
  guard::Duration held{0};
};

// What is known of the engines, and what admission makes of it.
struct Engine {
  guard::EngineReport report;
  std::uint32_t in_flight = 0;  // Of the door.
  std::uint32_t waiting = 0;
  double in_flight_limit = 0;
  double capacity = 0;
  double pressure = 0;
  std::uint64_t edge_refused = 0;  // Connections since the start of the instance, by the door.
};

struct RestrictionChange {
  guard::RestrictionId id = 0;
  guard::RestrictionEvent event = guard::RestrictionEvent::kImposed;
  guard::Scope scope;
  guard::RestrictionAction action = guard::RestrictionAction::kRefuse;
  guard::Time expires{};
  std::uint64_t by = 0;  // Who undid it (keyed hash); 0: the guard itself.
  std::string rule;      // Words of closed lists, cut after kWordBytes.
  std::string detector;  // The strongest evidence,
  float llr = 0;         // and what it counts.
};
inline constexpr std::size_t kWordBytes = 28;

struct RegistrationSwitch {
  bool is_restricted = false;
  bool by_rate = false;
  double rate = 0;      // Sign-ups a second of late,
  double baseline = 0;  // and what is ordinary.
};

struct RungChange {
  guard::Rung from = guard::Rung::kOpen;
  guard::Rung to = guard::Rung::kOpen;
  double pressure = 0;
};

enum class GapCause : std::uint8_t {
  kRestart,    // Nobody served, or nobody wrote.
  kQueueFull,  // Rows came faster than the disk takes them.
  kDisk,       // The disk took none: full, or broken.
  kDamaged,    // What was written cannot be read. Found by a reader, never written.
  kOverrun,    // The ring came round before it was read. Found by a reader, never written.
};
inline constexpr int kGapCauseCount = static_cast<int>(GapCause::kOverrun) + 1;

// In [from, to) some rows are missing, or all.
struct Gap {
  GapCause cause = GapCause::kRestart;
  guard::Time from{};
  guard::Time to{};
  std::uint64_t rows = 0;  // That are known to be lost.
};

struct Row {
  guard::Time time{};  // Microseconds since 1970, by a clock that never goes back in one instance.
  std::variant<Gap, Asked, Decided, FirstToken, Ended, Connection, Engine, RestrictionChange,
               RegistrationSwitch, RungChange>
      what;
};

RestrictionChange ToChange(const guard::RestrictionRecord& record);

EncodedRow Encode(const Row& row);
// Errors: kCorrupt when no row is encoded so.
[[nodiscard]] Result<Row> Decode(std::span<const std::byte, kRowBytes> bytes);

}  // namespace holdfast::journal
