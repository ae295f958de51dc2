// A record: an event with its place in the chain, as one line of the audit log
// (docs/formats/audit-log.md). A record has one text only, and its hash covers that text and the
// hash of the record before, so that no line can be changed, left out, put in or moved unseen.
// Value types; a Chain is single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/event.h"
#include "base/result.h"

namespace holdfast::audit {

inline constexpr std::size_t kHashLetters = 64;  // BLAKE2b-256, hexadecimal.
inline constexpr std::size_t kLineBytesMax = 4096;

struct Record {
  std::uint64_t sequence = 0;  // From 1, one more each.
  std::int64_t time_ms = 0;    // Since 1970, as the clock said it.
  Event event;
  std::string previous;  // The hash of the record before; of the first, zeros.
  std::string hash;
};

// Where a log stands: its last record. As it is made, before the first.
struct Chain {
  std::uint64_t sequence = 0;
  std::string hash = std::string(kHashLetters, '0');

  // The line of the next record, with its end; the chain stands at it then. The event is sound.
  std::string Add(const Event& event, std::int64_t time_ms);
  // The chain stands at `record` then. kCorrupt, and nothing changes, when it is not the next.
  [[nodiscard]] Result<void> Follow(const Record& record);
};

// A line without its end; its hash fits its text. kCorrupt with the reason, which says nothing that
// the line says.
[[nodiscard]] Result<Record> ParseLine(std::string_view line);

}  // namespace holdfast::audit
