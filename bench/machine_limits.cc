#include "machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include <immintrin.h>

#include "tensor/aligned_buffer.h"

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;

// More than the caches of the machines we know, per virtual machine's share of them.
constexpr std::size_t kReadBytes = std::size_t{1} << 30;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
// Runs are short and many, and the best counts: other work on the machine only ever slows one down.
constexpr int kReadRepeats = 6;
constexpr int kPeakRepeats = 60;
constexpr std::int64_t kRounds = 200'000;

double Seconds(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double BestSeconds(int repeats, const std::function<void()>& work) {
  double best = Seconds(work);
  for (int i = 1; i < repeats; ++i) best = std::min(best, Seconds(work));
  return best;
}

__attribute__((target("avx2"))) std::uint64_t ReadPiece(const std::byte* bytes) {
  __m256i sums[8] = {};
  for (std::size_t at = 0; at < kPieceBytes; at += sizeof(sums)) {
    for (int i = 0; i < 8; ++i) {
      sums[i] = _mm256_xor_si256(
          sums[i], _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + at) + i));
    }
  }
  std::uint64_t total = 0;
  for (const __m256i& sum : sums) total ^= static_cast<std::uint64_t>(_mm256_extract_epi64(sum, 0));
  return total;
}

double MeasureRead(parallel::ThreadPool& pool) {
  tensor::AlignedBuffer<std::byte> buffer(kReadBytes);
  std::atomic<std::uint64_t> sink{0};
  const double seconds = BestSeconds(kReadRepeats, [&] {
    pool.Run(static_cast<std::int64_t>(kReadBytes / kPieceBytes), [&](std::int64_t piece, int) {
      sink ^= ReadPiece(buffer.data() + static_cast<std::size_t>(piece) * kPieceBytes);
    });
  });
  return static_cast<double>(kReadBytes) / seconds;
}

// Twelve independent chains hide the latency of every unit we know. Assembly, so that the compiler
// neither removes nor merges them.
#define HOLDFAST_PEAK(NAME, INSTRUCTION, REGISTER)                                                 \
  void NAME() {                                                                                    \
    for (std::int64_t i = 0; i < kRounds; ++i) {                                                   \
      asm volatile(INSTRUCTION " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "0\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "1\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "2\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "3\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "4\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "5\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "6\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "7\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "8\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "9\n" INSTRUCTION  \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "10\n" INSTRUCTION \
                               " %%" REGISTER "12,%%" REGISTER "13,%%" REGISTER "11\n"             \
                   :                                                                               \
                   :                                                                               \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",       \
                     "xmm9", "xmm10", "xmm11");                                                    \
    }                                                                                              \
  }
HOLDFAST_PEAK(FmaAvx2, "vfmadd231ps", "ymm")
HOLDFAST_PEAK(FmaAvx512, "vfmadd231ps", "zmm")
HOLDFAST_PEAK(DotBf16, "vdpbf16ps", "zmm")
HOLDFAST_PEAK(DotInt8, "vpdpbusd", "zmm")

// Operations a second of all workers, for `per_instruction` operations each.
double MeasurePeak(parallel::ThreadPool& pool, void (*loop)(), double per_instruction) {
  const int workers = pool.worker_count();
  const double seconds =
      BestSeconds(kPeakRepeats, [&] { pool.Run(workers, [&](std::int64_t, int) { loop(); }); });
  return 12.0 * static_cast<double>(kRounds) * workers * per_instruction / seconds;
}

}  // namespace

Limits MeasureLimits(parallel::ThreadPool& pool) {
  Limits limits;
  limits.read_bytes_per_s = MeasureRead(pool);
  if (__builtin_cpu_supports("avx512f")) {
    limits.f32_flops = MeasurePeak(pool, FmaAvx512, 32);
  } else if (__builtin_cpu_supports("fma")) {
    limits.f32_flops = MeasurePeak(pool, FmaAvx2, 16);
  }
  if (__builtin_cpu_supports("avx512bf16")) limits.bf16_flops = MeasurePeak(pool, DotBf16, 64);
  if (__builtin_cpu_supports("avx512vnni")) limits.int8_ops = MeasurePeak(pool, DotInt8, 128);
  return limits;
}

}  // namespace holdfast::bench
