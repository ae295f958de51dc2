#include "kernels/quant/quantize.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/quant/half.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;

constexpr DType kBlockTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                                 DType::kQ5_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

std::vector<std::byte> Quantized(DType dtype, const std::vector<float>& values) {
  const std::size_t bytes =
      values.size() / tensor::BlockElements(dtype) * tensor::BlockBytes(dtype);
  std::vector<std::byte> stored(bytes);
  QuantizeRow(dtype, values.data(), stored.data(), static_cast<std::int64_t>(values.size()));
  return stored;
}

std::vector<float> RoundTrip(DType dtype, const std::vector<float>& values) {
  const std::vector<std::byte> stored = Quantized(dtype, values);
  std::vector<float> back(values.size());
  DequantizeRow(dtype, stored.data(), back.data(), static_cast<std::int64_t>(values.size()));
  return back;
}

// Root of mean squared error over root of mean square.
double RelativeError(const std::vector<float>& values, const std::vector<float>& back) {
  double error = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(values[i]) - back[i], 2);
    norm += std::pow(static_cast<double>(values[i]), 2);
  }
  return std::sqrt(error / norm);
}

std::vector<float> Gaussian(std::size_t count) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// tests/data/quant/NAME.bin: random blocks, then the f32 values the gguf reference package reads
// from them.
TEST(DequantizeRow, AgreesBitForBitWithTheFormatsReference) {
  for (DType dtype : {DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                      DType::kQ5_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const std::string name(tensor::DTypeName(dtype));
    std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/data/quant/" + name + ".bin", std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const std::size_t per_block = tensor::BlockBytes(dtype) + 4 * tensor::BlockElements(dtype);
    ASSERT_GT(bytes.size(), 0u) << name;
    ASSERT_EQ(bytes.size() % per_block, 0u) << name;
    const std::size_t blocks = bytes.size() / per_block;
    const std::size_t count = blocks * tensor::BlockElements(dtype);
    std::vector<float> expected(count);
    std::memcpy(expected.data(), bytes.data() + blocks * tensor::BlockBytes(dtype), 4 * count);
    std::vector<float> values(count);
    DequantizeRow(dtype, reinterpret_cast<const std::byte*>(bytes.data()), values.data(),
                  static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(expected[i]))
          << name << " value " << i;
    }
  }
}

TEST(QuantizeRow, KeepsGaussianWeightsWithinTheFormatsError) {
  const struct {
    DType dtype;
    double error_max;
  } cases[] = {{DType::kF32, 0.0},     {DType::kF16, 4e-4},   {DType::kBF16, 2e-3},
               {DType::kF8E4M3, 0.04}, {DType::kQ8_0, 0.006}, {DType::kQ4_0, 0.085},
               {DType::kQ4_1, 0.085},  {DType::kQ5_0, 0.043}, {DType::kQ5_1, 0.043},
               {DType::kQ4_K, 0.072},  {DType::kQ5_K, 0.036}, {DType::kQ6_K, 0.018}};
  const std::vector<float> values = Gaussian(64 * 256);
  for (const auto& c : cases) {
    const double error = RelativeError(values, RoundTrip(c.dtype, values));
    EXPECT_LE(error, c.error_max) << tensor::DTypeName(c.dtype);
    RecordProperty(std::string(tensor::DTypeName(c.dtype)), std::to_string(error));
  }
}

TEST(QuantizeRow, KeepsZerosAndConstantsExactlyWhereTheFormatCan) {
  for (DType dtype : kBlockTypes) {
    const std::vector<float> zeros(256, 0.0f);
    EXPECT_EQ(RoundTrip(dtype, zeros), zeros) << tensor::DTypeName(dtype);
    for (float constant : {1.0f, -3.0f}) {
      const std::vector<float> values(256, constant);
      EXPECT_LE(RelativeError(values, RoundTrip(dtype, values)), 5e-4)
          << tensor::DTypeName(dtype) << " " << constant;
    }
  }
}

TEST(QuantizeRow, KeepsTinyValuesFinite) {
  for (DType dtype : kBlockTypes) {
    for (float magnitude : {1e-30f, std::numeric_limits<float>::denorm_min()}) {
      std::vector<float> values(256);
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = i % 3 == 0 ? -magnitude : magnitude;
      const std::vector<float> back = RoundTrip(dtype, values);
      EXPECT_TRUE(IsFinite(back)) << tensor::DTypeName(dtype) << " " << magnitude;
    }
  }
}

// One large value among small ones, of either sign, or all values large.
std::vector<std::vector<float>> WithLargeValues(float magnitude) {
  std::vector<float> one(256, 0.5f);
  one[3] = magnitude;
  std::vector<float> negative = one;
  negative[3] = -magnitude;
  std::vector<float> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i % 3 == 0 ? -magnitude : magnitude;
  return {one, negative, all};
}

TEST(QuantizeRow, NeverClipsWhatIsTooLarge) {
  std::vector<DType> types(std::begin(kBlockTypes), std::end(kBlockTypes));
  types.insert(types.end(), {DType::kF16, DType::kBF16});
  for (const DType dtype : types) {
    bool has_overflowed = false;
    for (double magnitude = 1e4; magnitude < 3.4e38; magnitude *= 1.5) {
      for (const std::vector<float>& values : WithLargeValues(static_cast<float>(magnitude))) {
        const std::vector<float> back = RoundTrip(dtype, values);
        if (!IsFinite(back)) {
          has_overflowed = true;
          continue;
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
          ASSERT_LE(std::abs(back[i] - values[i]), 0.2 * magnitude)
              << tensor::DTypeName(dtype) << " " << magnitude << " at " << i;
        }
      }
    }
    EXPECT_EQ(has_overflowed, dtype != DType::kBF16) << tensor::DTypeName(dtype);
    std::vector<float> largest(256, std::numeric_limits<float>::max());
    EXPECT_FALSE(IsFinite(RoundTrip(dtype, largest))) << tensor::DTypeName(dtype);
  }
}

TEST(Half, RoundTripsEveryFiniteValue) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = F16ToF32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(F16ToF32(F32ToF16(value))));
    } else {
      ASSERT_EQ(F32ToF16(value), half);
    }
    const float brain = BF16ToF32(half);
    if (!std::isnan(brain)) {
      ASSERT_EQ(F32ToBF16(brain), half);
    }
  }
  for (int bits = 0; bits < 256; ++bits) {
    const auto small = static_cast<std::uint8_t>(bits);
    const float value = F8E4M3ToF32(small);
    if (!std::isnan(value)) {
      ASSERT_EQ(F32ToF8E4M3(value), small) << bits;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  const struct {
    float value;
    std::uint16_t f16;
    std::uint16_t bf16;
    std::uint8_t f8;
  } cases[] = {
      {1.0f, 0x3C00, 0x3F80, 0x38},
      {-2.0f, 0xC000, 0xC000, 0xC0},
      {1.0f + 0x1p-11f, 0x3C00, 0x3F80, 0x38},      // Tie in F16: even below.
      {1.0f + 3 * 0x1p-11f, 0x3C02, 0x3F80, 0x38},  // Tie in F16: even above.
      {1.0f + 0x1p-8f, 0x3C04, 0x3F80, 0x38},       // Tie in BF16.
      {1.0f + 3 * 0x1p-4f, 0x3CC0, 0x3F98, 0x3A},   // Tie in F8.
      {448.0f, 0x5F00, 0x43E0, 0x7E},
      {1000.0f, 0x63D0, 0x447A, 0x7E},  // F8 saturates.
      {65519.0f, 0x7BFF, 0x4780, 0x7E},
      {65520.0f, 0x7C00, 0x4780, 0x7E},  // F16 overflows to infinity.
      {0x1p-25f, 0x0000, 0x3300, 0x00},  // Tie with zero in F16.
      {0x1p-10f, 0x1400, 0x3A80, 0x00},  // Tie with zero in F8.
      {0x1.8p-10f, 0x1600, 0x3AC0, 0x01},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(F32ToF16(c.value), c.f16) << c.value;
    EXPECT_EQ(F32ToBF16(c.value), c.bf16) << c.value;
    EXPECT_EQ(F32ToF8E4M3(c.value), c.f8) << c.value;
  }
}

TEST(DequantizeViewRow, AppliesTheBlockScalesOfF8) {
  std::vector<std::byte> stored(130 * 130, std::byte{0x38});  // 1.0 everywhere.
  const float scales[4] = {1.0f, 2.0f, 3.0f, 4.0f};
  tensor::TensorView view;
  view.dtype = DType::kF8E4M3;
  view.shape = {130, 130};
  view.data = stored.data();
  view.block_scale = scales;
  std::vector<float> row(130);
  DequantizeViewRow(view, 127, row.data());
  EXPECT_EQ(row[127], 1.0f);
  EXPECT_EQ(row[128], 2.0f);
  DequantizeViewRow(view, 128, row.data());
  EXPECT_EQ(row[127], 3.0f);
  EXPECT_EQ(row[129], 4.0f);
}

}  // namespace
}  // namespace holdfast::kernels
