#include "kernels/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/kernel_table.h"
#include "kernels/internal/packed_state.h"
#include "kernels/quant/half.h"
#include "kernels/quant/quantize.h"
#include "kernels/weight_arena.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;
using tensor::TensorView;

constexpr DType kTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kF8E4M3,
                            DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                            DType::kQ5_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

// A weight of random bytes, so that every field of a block takes every value, with scales that
// keep the values near one.
struct Weight {
  std::vector<std::byte> bytes;
  std::vector<float> scales;
  TensorView view;
};

void StoreU16(std::byte* target, std::uint16_t bits) { std::memcpy(target, &bits, sizeof(bits)); }

void FillBlock(DType type, std::mt19937& random, std::byte* block) {
  const std::size_t size = tensor::BlockBytes(type);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const float value = uniform(random);
  for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::byte>(random());
  switch (type) {
    case DType::kF32:
      std::memcpy(block, &value, sizeof(value));
      break;
    case DType::kF16:
      StoreU16(block, F32ToF16(value));
      break;
    case DType::kBF16:
      StoreU16(block, F32ToBF16(value));
      break;
    case DType::kF8E4M3:
      if ((block[0] & std::byte{0x7F}) == std::byte{0x7F}) block[0] = std::byte{0x01};
      break;
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ5_0:
      StoreU16(block, F32ToF16(value / 100));
      break;
    case DType::kQ4_1:
    case DType::kQ5_1:
      StoreU16(block, F32ToF16(value / 100));
      StoreU16(block + 2, F32ToF16(uniform(random) / 10));
      break;
    case DType::kQ4_K:
    case DType::kQ5_K:
      StoreU16(block, F32ToF16(value / 500));
      StoreU16(block + 2, F32ToF16(uniform(random) / 100));
      break;
    case DType::kQ6_K:
      StoreU16(block + 208, F32ToF16(value / 2000));
      break;
    default:
      break;
  }
}

Weight MakeWeight(DType type, std::int64_t out, std::int64_t in, std::uint32_t seed) {
  std::mt19937 random(seed);
  Weight weight;
  weight.view.dtype = type;
  weight.view.shape = {out, in};
  weight.bytes.resize(weight.view.Bytes());
  weight.view.data = weight.bytes.data();
  const std::size_t step = tensor::BlockBytes(type);
  for (std::size_t at = 0; at < weight.bytes.size(); at += step) {
    FillBlock(type, random, weight.bytes.data() + at);
  }
  if (type == DType::kF8E4M3) {
    std::uniform_real_distribution<float> uniform(0.001f, 0.01f);
    weight.scales.resize(static_cast<std::size_t>((out + 127) / 128 * ((in + 127) / 128)));
    for (float& scale : weight.scales) scale = uniform(random);
    weight.view.block_scale = weight.scales.data();
  }
  return weight;
}

std::vector<float> MakeInput(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(count));
  for (float& value : x) value = normal(random);
  return x;
}

// What the fast product of this type makes of its activations.
void RoundActivations(DType type, std::string_view table, std::span<float> row) {
  const bool is_quantized = tensor::BlockElements(type) > 1;
  if (type == DType::kBF16 && table.find("BF16") != std::string_view::npos) {
    for (float& value : row) value = BF16ToF32(F32ToBF16(value));
  }
  if (!is_quantized) return;
  const std::size_t step = tensor::BlockElements(type);
  for (std::size_t at = 0; at < row.size(); at += step) {
    float largest = 0;
    for (std::size_t k = 0; k < step; ++k) largest = std::max(largest, std::abs(row[at + k]));
    if (largest == 0) continue;
    const float inverse = 127.0f / largest;
    for (std::size_t k = 0; k < step; ++k) {
      row[at + k] = std::nearbyint(row[at + k] * inverse) * (largest / 127.0f);
    }
  }
}

std::vector<float> Multiply(const PackedMatrix& weight, std::span<const float> x, std::int64_t rows,
                            parallel::ThreadPool& pool) {
  std::vector<float> y(static_cast<std::size_t>(rows * weight.out()), -1.0f);
  const MatMulJob job{.weight = &weight,
                      .x = x.data(),
                      .x_stride = weight.in(),
                      .y = y.data(),
                      .y_stride = weight.out(),
                      .rows = rows,
                      .row_index = nullptr};
  MatMul({&job, 1}, pool);
  return y;
}

PackedMatrix PackFor(const Weight& weight, const internal::KernelTable* table,
                     parallel::ThreadPool& pool) {
  auto packed = internal::PackFor(weight.view, table, nullptr, pool);
  EXPECT_TRUE(packed.has_value());
  return packed.has_value() ? std::move(*packed) : PackedMatrix();
}

// The tolerance counts f32 roundings: it is relative to the sum of the magnitudes of the products,
// which bounds the error of any order of addition.
constexpr double kTolerance = 1e-6;

void ExpectLikeTwin(const internal::KernelTable& table, DType type, std::int64_t out,
                    std::int64_t in, std::int64_t rows, parallel::ThreadPool& pool) {
  SCOPED_TRACE(testing::Message() << table.name << " " << tensor::DTypeName(type) << " [" << out
                                  << ", " << in << "] x " << rows);
  const Weight weight = MakeWeight(type, out, in, static_cast<std::uint32_t>(out * 131 + in));
  const std::vector<float> x = MakeInput(rows * in, static_cast<std::uint32_t>(rows));
  std::vector<float> rounded = x;
  for (std::int64_t t = 0; t < rows; ++t) {
    RoundActivations(type, table.name, std::span(rounded).subspan(t * in, in));
  }
  const std::vector<float> fast = Multiply(PackFor(weight, &table, pool), x, rows, pool);
  const std::vector<float> twin = Multiply(PackFor(weight, nullptr, pool), rounded, rows, pool);

  std::vector<float> values(static_cast<std::size_t>(in));
  std::vector<double> magnitudes(fast.size());
  int failures = 0;
  for (std::int64_t o = 0; o < out; ++o) {
    DequantizeViewRow(weight.view, o, values.data());
    for (std::int64_t t = 0; t < rows; ++t) {
      double magnitude = 0;
      for (std::int64_t k = 0; k < in; ++k) {
        magnitude += std::abs(static_cast<double>(values[k]) * rounded[t * in + k]);
      }
      const std::size_t at = static_cast<std::size_t>(t * out + o);
      if (!(std::abs(fast[at] - twin[at]) <= kTolerance * magnitude + 1e-12)) {
        if (++failures < 4) {
          ADD_FAILURE() << "row " << t << " output " << o << ": " << fast[at] << ", twin "
                        << twin[at] << ", magnitude " << magnitude;
        }
      }
    }
  }
  EXPECT_EQ(failures, 0);
}

TEST(MatMul, MultipliesByRowsOfTheWeight) {
  const std::vector<float> weight = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const std::vector<float> x = {1, 10, 100, 2, 0, 1};    // [2, 3]
  parallel::ThreadPool pool(2);
  const TensorView view{.dtype = DType::kF32,
                        .shape = {2, 3},
                        .data = reinterpret_cast<const std::byte*>(weight.data()),
                        .block_scale = nullptr};
  for (const bool reference : {true, false}) {
    const auto packed = PackedMatrix::Pack(view, {.reference = reference}, pool);
    ASSERT_TRUE(packed.has_value());
    EXPECT_EQ(Multiply(*packed, x, 2, pool), (std::vector<float>{321, 654, 5, 14}));
  }
}

TEST(MatMul, AgreesWithItsTwinOnEveryTable) {
  parallel::ThreadPool pool(2);
  for (const internal::KernelTable* table : internal::SupportedTables()) {
    for (const DType type : kTypes) {
      const auto block = static_cast<std::int64_t>(tensor::BlockElements(type));
      ExpectLikeTwin(*table, type, 16, 8 * block, 1, pool);
      ExpectLikeTwin(*table, type, 17, 3 * block, 5, pool);
      ExpectLikeTwin(*table, type, 5, block, 3, pool);
      ExpectLikeTwin(*table, type, 300, 3 * block, 67, pool);
      if (block <= 32) ExpectLikeTwin(*table, type, 40, 608, 13, pool);
      if (block == 1) ExpectLikeTwin(*table, type, 33, 211, 29, pool);
    }
  }
}

TEST(MatMul, TakesAnyNumberOfRows) {
  parallel::ThreadPool pool(2);
  for (const internal::KernelTable* table : internal::SupportedTables()) {
    for (std::int64_t rows = 1; rows <= 30; ++rows) {
      ExpectLikeTwin(*table, DType::kQ8_0, 19, 64, rows, pool);
      ExpectLikeTwin(*table, DType::kF32, 19, 70, rows, pool);
    }
  }
}

bool HasBitsOf(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

// Batch invariance: the seam on which a sequence's logits do not depend on the rest of the batch.
TEST(MatMul, GivesARowTheSameBitsAloneAndInABatch) {
  parallel::ThreadPool pool(2);
  for (const internal::KernelTable* table : internal::SupportedTables()) {
    for (const DType type : kTypes) {
      SCOPED_TRACE(testing::Message() << table->name << " " << tensor::DTypeName(type));
      constexpr std::int64_t kOut = 37;
      constexpr std::int64_t kIn = 768;
      constexpr std::int64_t kRows = 47;
      const Weight weight = MakeWeight(type, kOut, kIn, 5);
      const PackedMatrix packed = PackFor(weight, table, pool);
      const std::vector<float> x = MakeInput(kRows * kIn, 6);
      const std::vector<float> whole = Multiply(packed, x, kRows, pool);
      for (std::int64_t rows = 1; rows <= kRows; ++rows) {
        const std::vector<float> part = Multiply(packed, x, rows, pool);
        ASSERT_TRUE(HasBitsOf(std::span(whole).first(part.size()), part)) << rows;
      }
      for (std::int64_t t = 0; t < kRows; ++t) {
        const std::vector<float> alone =
            Multiply(packed, std::span(x).subspan(t * kIn, kIn), 1, pool);
        ASSERT_TRUE(HasBitsOf(std::span(whole).subspan(t * kOut, kOut), alone)) << t;
      }
    }
  }
}

// Activations become integers on the way to a quantized weight; what is no number must not become
// one, or the check of the logits never sees it.
TEST(MatMul, GivesNoNumbersForARowThatHoldsOneThatIsNone) {
  parallel::ThreadPool pool(2);
  constexpr std::int64_t kOut = 21;
  constexpr std::int64_t kIn = 512;
  constexpr std::int64_t kRows = 5;
  std::vector<const internal::KernelTable*> tables = internal::SupportedTables();
  tables.push_back(nullptr);
  for (const internal::KernelTable* table : tables) {
    for (const DType type : kTypes) {
      const Weight weight = MakeWeight(type, kOut, kIn, 8);
      const PackedMatrix packed = PackFor(weight, table, pool);
      for (const float broken : {NAN, -NAN, INFINITY, -INFINITY}) {
        for (const std::int64_t at : {0, 1, 30, 31, 32, 255, 256, 490, 511}) {
          std::vector<float> x = MakeInput(kRows * kIn, 6);
          x[2 * kIn + at] = broken;
          const std::vector<float> y = Multiply(packed, x, kRows, pool);
          for (std::int64_t i = 0; i < kRows * kOut; ++i) {
            ASSERT_EQ(std::isfinite(y[i]), i / kOut != 2)
                << (table == nullptr ? "reference" : table->name) << " " << tensor::DTypeName(type)
                << " with " << broken << " at " << at << ": " << y[i];
          }
        }
      }
    }
  }
}

// A Highway with more targets than AVX3 must not lose the instructions that only it names.
TEST(BestTable, IsTheOneForThisCpusInstructions) {
#if defined(__x86_64__)
  ASSERT_NE(internal::BestTable(), nullptr);
  const std::string name(internal::BestTable()->name);
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  if (!has_avx512) {
    EXPECT_EQ(name, __builtin_cpu_supports("avx2") ? "AVX2" : "SSE4");
  } else if (!__builtin_cpu_supports("avx512vnni")) {
    EXPECT_EQ(name.substr(0, 4), "AVX3");
  } else if (__builtin_cpu_supports("avx512bf16") && !__builtin_cpu_is("intel")) {
    EXPECT_EQ(name, "AVX3_VNNI_BF16");
  } else {
    EXPECT_EQ(name, "AVX3_VNNI");
  }
  RecordProperty("table", name);
#endif
  const auto supported = internal::SupportedTables();
  EXPECT_EQ(internal::BestTable(), supported.empty() ? nullptr : supported.back());
}

TEST(MatMul, GathersRowsAndRunsManyJobsAtOnce) {
  parallel::ThreadPool pool(2);
  constexpr std::int64_t kIn = 256;
  const std::vector<float> x = MakeInput(20 * kIn, 3);
  const std::vector<std::int32_t> chosen = {7, 0, 19, 7, 3};
  std::vector<Weight> weights;
  std::vector<PackedMatrix> packed;
  for (const DType type : kTypes) weights.push_back(MakeWeight(type, 21, kIn, 9));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    packed.push_back(PackFor(weights[i], i % 3 == 2 ? nullptr : internal::BestTable(), pool));
  }
  std::vector<std::vector<float>> y(weights.size(), std::vector<float>(chosen.size() * 30, 7.0f));
  std::vector<MatMulJob> jobs;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    jobs.push_back({.weight = &packed[i],
                    .x = x.data(),
                    .x_stride = kIn,
                    .y = y[i].data(),
                    .y_stride = 30,
                    .rows = static_cast<std::int64_t>(chosen.size()),
                    .row_index = chosen.data()});
  }
  MatMul(jobs, pool);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (std::size_t t = 0; t < chosen.size(); ++t) {
      const std::vector<float> alone =
          Multiply(packed[i], std::span(x).subspan(chosen[t] * kIn, kIn), 1, pool);
      for (std::size_t o = 0; o < 21; ++o) ASSERT_EQ(y[i][t * 30 + o], alone[o]) << i;
      // Past the last output nothing is written.
      for (std::size_t o = 21; o < 30; ++o) ASSERT_EQ(y[i][t * 30 + o], 7.0f) << i;
    }
  }
}

TEST(MatMul, DoesNothingForNoJobsAndNoRows) {
  parallel::ThreadPool pool(1);
  MatMul({}, pool);
  const Weight weight = MakeWeight(DType::kQ8_0, 16, 64, 1);
  const PackedMatrix packed = PackFor(weight, internal::BestTable(), pool);
  EXPECT_TRUE(Multiply(packed, {}, 0, pool).empty());
}

TEST(PackedMatrix, TakesAboutTheFilesMemory) {
  parallel::ThreadPool pool(1);
  for (const DType type : kTypes) {
    const Weight weight = MakeWeight(type, 128, 1024, 1);
    const PackedMatrix packed = PackFor(weight, internal::BestTable(), pool);
    EXPECT_LE(packed.bytes(), weight.bytes.size() * 107 / 100) << tensor::DTypeName(type);
  }
}

TEST(PackedMatrix, LivesInAnArena) {
  parallel::ThreadPool pool(1);
  WeightArena arena;
  const std::vector<float> x = MakeInput(256, 1);
  std::vector<PackedMatrix> packed;
  std::vector<std::vector<float>> expected;
  for (const std::int64_t out : {3, 70, 16}) {
    const Weight weight = MakeWeight(DType::kQ4_K, out, 256, static_cast<std::uint32_t>(out));
    auto result = PackedMatrix::Pack(weight.view, {.arena = &arena}, pool);
    ASSERT_TRUE(result.has_value());
    packed.push_back(std::move(*result));
    expected.push_back(Multiply(PackFor(weight, internal::BestTable(), pool), x, 1, pool));
  }
  for (std::size_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(Multiply(packed[i], x, 1, pool), expected[i]);
  }
}

TEST(PackedMatrix, RefusesIntegersBrokenBlocksAndNan) {
  parallel::ThreadPool pool(1);
  std::vector<std::byte> bytes(1024);
  TensorView view{
      .dtype = DType::kI32, .shape = {4, 4}, .data = bytes.data(), .block_scale = nullptr};
  auto packed = PackedMatrix::Pack(view, {}, pool);
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().code, ErrorCode::kUnsupported);
  view.dtype = DType::kQ8_0;
  packed = PackedMatrix::Pack(view, {}, pool);
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().code, ErrorCode::kUnsupported);
  view.dtype = DType::kF8E4M3;
  bytes[5] = std::byte{0xFF};
  packed = PackedMatrix::Pack(view, {}, pool);
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace holdfast::kernels
