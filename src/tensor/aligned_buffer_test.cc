#include "tensor/aligned_buffer.h"

#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::tensor {
namespace {

TEST(AlignedBuffer, IsAlignedAndZeroAtEverySize) {
  for (std::size_t count : {1u, 15u, 16u, 17u, 1000u, 262'143u, 262'144u, 262'145u, 1'000'003u}) {
    AlignedBuffer<float> buffer(count);
    ASSERT_EQ(buffer.size(), count);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % AlignedBuffer<float>::kAlignment,
              0u);
    for (float value : buffer) ASSERT_EQ(value, 0.0f);
    buffer[count - 1] = 7;
    EXPECT_EQ(buffer[count - 1], 7.0f);
  }
}

TEST(AlignedBuffer, MovesItsMemory) {
  for (std::size_t count : {8u, 2'000'000u}) {
    AlignedBuffer<int> buffer(count);
    buffer[0] = 42;
    const int* data = buffer.data();
    AlignedBuffer<int> other = std::move(buffer);
    EXPECT_EQ(other.data(), data);
    EXPECT_EQ(other[0], 42);
    other = AlignedBuffer<int>(3);
    EXPECT_EQ(other.size(), 3u);
    EXPECT_EQ(other[0], 0);
  }
}

TEST(AlignedBuffer, EmptyHoldsNothing) {
  const AlignedBuffer<int> buffer(0);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.data(), nullptr);
}

}  // namespace
}  // namespace holdfast::tensor
