// Journal: a segment that is read block by block. A row or block that is read is the one that is
// written so; where one is not sound, the next one is found behind it.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "journal/segment.h"
#include "journal/text.h"

namespace {

using namespace holdfast;

void CheckRow(std::span<const std::byte> bytes) {
  if (bytes.size() < journal::kRowBytes) return;
  const auto row = journal::Decode(bytes.first<journal::kRowBytes>());
  if (!row) {
    CHECK(row.error().code == ErrorCode::kCorrupt);
    return;
  }
  CHECK(std::ranges::equal(journal::Encode(*row), bytes.first<journal::kRowBytes>()));
  CHECK(!journal::ToText(*row).empty() && journal::ToJson(*row).ends_with('}'));
}

void CheckBlock(const journal::Block& block, std::span<const std::byte> bytes,
                std::uint64_t instance) {
  std::vector<journal::EncodedRow> rows;
  for (const journal::Row& row : block.rows) rows.push_back(journal::Encode(row));
  const std::string again = journal::EncodeBlock(block.number, instance, rows);
  CHECK(std::ranges::equal(std::as_bytes(std::span(again)), bytes.first(block.bytes)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  CheckRow(bytes);
  const auto head = journal::DecodeHead(bytes);
  std::uint64_t instance = 7;
  std::size_t at = 0;
  if (head) {
    const std::string again = journal::EncodeHead(*head);
    CHECK(std::ranges::equal(std::as_bytes(std::span(again)),
                             bytes.first(journal::kSegmentHeadBytes)));
    instance = head->instance;
    at = journal::kSegmentHeadBytes;
  }
  while (const auto next = journal::FindBlock(bytes, at, instance)) {
    const auto block = journal::DecodeBlock(bytes.subspan(*next), instance);
    CHECK(block.has_value());
    CheckBlock(*block, bytes.subspan(*next), instance);
    at = *next + block->bytes;
  }
  return 0;
}
