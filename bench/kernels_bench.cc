// How fast are the matrix products, by type, shape and number of rows? Weights rotate through a set
// that no cache holds, as a model's do. Counters: bytes of weights and operations a second, and
// their shares of what the machine can do, measured at the start.
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "kernels/matmul.h"
#include "kernels/quant/quantize.h"
#include "machine_limits.h"

namespace holdfast::bench {
namespace {

using kernels::MatMulJob;
using kernels::PackedMatrix;
using tensor::DType;

constexpr std::size_t kSetBytes = std::size_t{512} << 20;

struct Shape {
  std::int64_t out;
  std::int64_t in;
};

parallel::ThreadPool& Pool() {
  static parallel::ThreadPool pool;
  return pool;
}

const Limits& MachineLimits() {
  static const Limits kLimits = MeasureLimits(Pool());
  return kLimits;
}

// One random row, quantized and repeated. Real values, not random bits: those hold subnormal
// floats, which some processors multiply a hundred times slower.
std::vector<std::byte> RandomWeights(const tensor::TensorView& view) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> row(static_cast<std::size_t>(view.Cols()));
  for (float& value : row) value = normal(random);
  std::vector<std::byte> bytes(view.Bytes());
  for (std::int64_t r = 0; r < view.Rows(); ++r) {
    kernels::QuantizeRow(view.dtype, row.data(),
                         bytes.data() + static_cast<std::size_t>(r) * view.RowBytes(), view.Cols());
  }
  return bytes;
}

void MeasureMatMul(benchmark::State& state, DType type, Shape shape) {
  const std::int64_t rows = state.range(0);
  tensor::TensorView view;
  view.dtype = type;
  view.shape = {shape.out, shape.in};
  const std::vector<std::byte> bytes = RandomWeights(view);
  view.data = bytes.data();
  std::vector<PackedMatrix> weights;
  for (std::size_t total = 0; total < kSetBytes; total += weights.back().bytes()) {
    auto packed = PackedMatrix::Pack(view, {}, Pool());
    if (!packed) return state.SkipWithError(packed.error().message.c_str());
    weights.push_back(std::move(*packed));
    if (rows > 64 && weights.size() == 2) break;  // Arithmetic, not memory, is the question.
  }
  std::vector<float> x(static_cast<std::size_t>(rows * shape.in), 0.5f);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8.0f;
  std::vector<float> y(static_cast<std::size_t>(rows * shape.out));
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const MatMulJob job{.weight = &weights[next],
                        .x = x.data(),
                        .x_stride = shape.in,
                        .y = y.data(),
                        .y_stride = shape.out,
                        .rows = rows,
                        .row_index = nullptr};
    kernels::MatMul({&job, 1}, Pool());
    benchmark::DoNotOptimize(y.data());
    next = (next + 1) % weights.size();
  }
  const auto calls = static_cast<double>(state.iterations());
  const double read = calls * static_cast<double>(weights[0].bytes());
  const double operations = calls * 2.0 * static_cast<double>(rows * shape.out * shape.in);
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(read / 1e9, Counter::kIsRate);
  state.counters["GOP/s"] = Counter(operations / 1e9, Counter::kIsRate);
  state.counters["of_read"] = Counter(read / MachineLimits().read_bytes_per_s, Counter::kIsRate);
  const bool is_float = type == DType::kF32 || type == DType::kF16 || type == DType::kF8E4M3;
  const double peak = is_float               ? MachineLimits().f32_flops
                      : type == DType::kBF16 ? MachineLimits().bf16_flops
                                             : MachineLimits().int8_ops;
  if (peak > 0) state.counters["of_peak"] = Counter(operations / peak, Counter::kIsRate);
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast;
  const bench::Limits& limits = bench::MachineLimits();
  fmt::print(
      "workers {}, read {:.1f} GB/s, f32 {:.0f} GFLOP/s, bf16 {:.0f} GFLOP/s, int8 {:.0f} GOP/s\n",
      bench::Pool().worker_count(), limits.read_bytes_per_s / 1e9, limits.f32_flops / 1e9,
      limits.bf16_flops / 1e9, limits.int8_ops / 1e9);
  using tensor::DType;
  for (const DType type :
       {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ4_K,
        DType::kQ5_K, DType::kQ6_K, DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF32}) {
    for (const bench::Shape shape : {bench::Shape{2048, 2048}, bench::Shape{256, 1024}}) {
      const std::string name =
          fmt::format("{}/{}x{}", tensor::DTypeName(type), shape.out, shape.in);
      benchmark::RegisterBenchmark(name.c_str(), bench::MeasureMatMul, type, shape)
          ->ArgName("rows")
          ->Arg(1)
          ->Arg(4)
          ->Arg(16)
          ->Arg(128)
          ->Arg(512)
          ->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
