#include "kernels/weight_arena.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::kernels {
namespace {

TEST(WeightArena, GivesAlignedZeroedPiecesThatDoNotOverlap) {
  WeightArena arena;
  std::vector<std::pair<std::byte*, std::size_t>> pieces;
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{100'000},
        WeightArena::kSlabBytes / 2, std::size_t{5000}, WeightArena::kSlabBytes + 1}) {
    std::byte* piece = arena.Allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 64, 0u);
    EXPECT_TRUE(std::all_of(piece, piece + bytes, [](std::byte b) { return b == std::byte{0}; }));
    std::fill(piece, piece + bytes, static_cast<std::byte>(pieces.size() + 1));
    pieces.emplace_back(piece, bytes);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto [piece, bytes] = pieces[i];
    EXPECT_TRUE(std::all_of(piece, piece + bytes,
                            [&](std::byte b) { return b == static_cast<std::byte>(i + 1); }));
  }
}

TEST(WeightArena, MovesWithItsMemory) {
  WeightArena first;
  std::byte* piece = first.Allocate(10);
  piece[9] = std::byte{7};
  WeightArena second = std::move(first);
  EXPECT_EQ(piece[9], std::byte{7});
  EXPECT_NE(second.Allocate(10), nullptr);
}

}  // namespace
}  // namespace holdfast::kernels
