// CborReader: takes CBOR (RFC 8949) off bytes of a stranger, as far as authenticators write it
// (CTAP2, section 8): definite lengths, no tags, no floating point. It copies nothing and promises
// no memory to a length that it was told. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

class CborReader {
 public:
  // Authenticators nest four deep.
  static constexpr int kDepthMax = 8;

  // The bytes must outlive this and what it gives.
  explicit CborReader(std::string_view bytes) : rest_(bytes) {}

  // What comes next. Errors of all: kInvalidArgument (another kind, cut off, or not of the above).
  [[nodiscard]] Result<std::string_view> Text();
  [[nodiscard]] Result<std::string_view> Bytes();
  // How many pairs follow.
  [[nodiscard]] Result<std::uint64_t> Map();
  // Takes one whole item, whatever it is.
  [[nodiscard]] Result<void> Skip();

  std::string_view rest() const { return rest_; }

 private:
  enum class Kind : std::uint8_t {
    kUnsigned,
    kNegative,
    kBytes,
    kText,
    kArray,
    kMap,
    kTag,
    kSimple
  };
  struct Head {
    Kind kind;
    std::uint64_t argument;
  };

  Result<Head> TakeHead();
  Result<std::string_view> Take(std::uint64_t count);
  Result<std::uint64_t> Expect(Kind kind);

  std::string_view rest_;
};

}  // namespace holdfast::crypto
