// Audit log: a line that is read is the one that its record is written as, and the chain goes on
// from it.
#include <cstdint>

#include "audit/record.h"
#include "base/check.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::string_view line = fuzz::Input(data, size).rest();
  if (line.ends_with('\n')) line.remove_suffix(1);
  const auto record = audit::ParseLine(line);
  if (!record) {
    CHECK(record.error().code == ErrorCode::kCorrupt);
    return 0;
  }
  CHECK(audit::CheckEvent(record->event).has_value());
  audit::Chain writer{.sequence = record->sequence - 1, .hash = record->previous};
  audit::Chain reader = writer;
  CHECK(writer.Add(record->event, record->time_ms) == std::string(line) + "\n");
  CHECK(reader.Follow(*record).has_value());
  CHECK(reader.hash == writer.hash);
  return 0;
}
