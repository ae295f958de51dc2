// Limits of what a weight file may ask of us, each with a name that error messages use. They are
// far above any published model and far below what would hurt.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace holdfast::weights {

inline constexpr std::uint64_t kTensorCountMax = 1u << 20;  // DeepSeek-V3 has 91,991.
inline constexpr std::uint64_t kTensorNameBytesMax = 255;
inline constexpr std::int64_t kTensorDimMax = std::int64_t{1} << 32;
inline constexpr std::int64_t kTensorElementsMax = std::int64_t{1} << 44;
inline constexpr std::uint64_t kGgufKeyCountMax = 65536;
inline constexpr std::uint64_t kGgufKeyBytesMax = 65535;  // The format's own limit.
inline constexpr std::uint64_t kGgufStringBytesMax = 16u << 20;
inline constexpr std::uint64_t kGgufArrayCountMax = 4u << 20;
inline constexpr std::uint64_t kGgufAlignmentMax = 65536;
inline constexpr std::uint64_t kSafetensorsHeaderBytesMax =
    32u << 20;  // JSON may grow 24-fold in memory.
inline constexpr std::int64_t kLayerCountMax = 4096;
inline constexpr std::size_t kShardCountMax = 4096;
inline constexpr std::size_t kConfigBytesMax = 1u << 20;
inline constexpr std::size_t kIndexBytesMax = 64u << 20;  // DeepSeek-V3's has 8.9 MB.
inline constexpr std::size_t kTokenizerBytesMax = 64u << 20;
inline constexpr std::size_t kHeaderJsonDepthMax = 8;
// End ids that are kept of a list: one more than a tokenizer may have, which then is refused.
inline constexpr std::size_t kEndIdsKeptMax = 65;

// Takes one more dimension into `count`, the product of a shape so far; false where that is over
// the limits. Both formats allow tensors without elements. A 0 counts as 1, so that the product of
// the other dimensions stays within the limit too.
inline bool TakeDim(std::uint64_t dim, std::int64_t& count) {
  if (dim > static_cast<std::uint64_t>(kTensorDimMax)) return false;
  const auto factor = std::max<std::int64_t>(static_cast<std::int64_t>(dim), 1);
  if (factor > kTensorElementsMax / count) return false;
  count *= factor;
  return true;
}

}  // namespace holdfast::weights
