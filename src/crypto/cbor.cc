#include "crypto/cbor.h"

#include <array>

namespace holdfast::crypto {
namespace {

// Of the low five bits of a head: up to here they are the argument, then they say how many bytes
// of it follow.
constexpr std::uint8_t kInlineMax = 23;
constexpr std::uint8_t kEightBytes = 27;
// Booleans, null and undefined.
constexpr std::uint8_t kSimpleMin = 20;

std::unexpected<Error> NotCbor(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "CBOR: {}", what);
}

}  // namespace

Result<std::string_view> CborReader::Take(std::uint64_t count) {
  if (count > rest_.size()) return NotCbor("it is cut off");
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

Result<CborReader::Head> CborReader::TakeHead() {
  TRY_ASSIGN(const std::string_view first, Take(1));
  const auto byte = static_cast<std::uint8_t>(first[0]);
  const auto kind = static_cast<Kind>(byte >> 5);
  const std::uint8_t low = byte & 31;
  if (kind == Kind::kTag) return NotCbor("there is a tag");
  if (kind == Kind::kSimple && (low < kSimpleMin || low > kInlineMax)) {
    return NotCbor("there is a number with a fraction, or a break");
  }
  if (low <= kInlineMax) return Head{kind, low};
  if (low > kEightBytes) return NotCbor("a length is not told");
  TRY_ASSIGN(const std::string_view bytes, Take(std::uint64_t{1} << (low - kInlineMax - 1)));
  std::uint64_t argument = 0;
  for (const char one : bytes) argument = argument << 8 | static_cast<std::uint8_t>(one);
  return Head{kind, argument};
}

Result<std::uint64_t> CborReader::Expect(Kind kind) {
  TRY_ASSIGN(const Head head, TakeHead());
  if (head.kind != kind) return NotCbor("an item is of another kind");
  return head.argument;
}

Result<std::string_view> CborReader::Text() {
  TRY_ASSIGN(const std::uint64_t count, Expect(Kind::kText));
  return Take(count);
}

Result<std::string_view> CborReader::Bytes() {
  TRY_ASSIGN(const std::uint64_t count, Expect(Kind::kBytes));
  return Take(count);
}

Result<std::uint64_t> CborReader::Map() { return Expect(Kind::kMap); }

// `open` holds how many items are still to come on each level. Each round takes a byte at least, so
// a count beyond the bytes ends where they do.
Result<void> CborReader::Skip() {
  std::array<std::uint64_t, kDepthMax> open{1};
  std::size_t depth = 1;
  while (depth > 0) {
    if (open[depth - 1] == 0) {
      --depth;
      continue;
    }
    --open[depth - 1];
    TRY_ASSIGN(const Head head, TakeHead());
    if (head.kind == Kind::kBytes || head.kind == Kind::kText) TRY(Take(head.argument));
    if (head.kind != Kind::kArray && head.kind != Kind::kMap) continue;
    if (depth == open.size()) return NotCbor("it is nested too deep");
    if (head.argument > rest_.size()) return NotCbor("it is cut off");
    open[depth++] = head.kind == Kind::kMap ? 2 * head.argument : head.argument;
  }
  return {};
}

}  // namespace holdfast::crypto
