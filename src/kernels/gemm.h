// Gemm: dense matrix product for training, C (+)= op(A) op(B), on the calling thread alone (callers
// parallelise over lanes and matrices with their own pool). f32 or bf16 inputs, f32 accumulation.
// Runs on oneDNN, which at training shapes reaches 85-99 % of the arithmetic peak; compiled
// products are cached per thread. Thread-safe.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace holdfast::kernels {

struct GemmShape {
  std::int64_t m = 0;  // Rows of C.
  std::int64_t n = 0;  // Columns of C.
  std::int64_t k = 0;
  bool transpose_a = false;  // A is stored [k, m].
  bool transpose_b = false;  // B is stored [n, k].
  bool accumulate = false;   // C += instead of C =; for f32 C only.
};

// A row-major matrix and the distance between its rows, in elements.
template <typename T>
struct GemmMatrix {
  T* data = nullptr;
  std::int64_t stride = 0;
};

// Nothing happens for m or n of 0; k of 0 without accumulate is a broken invariant.
void Gemm(const GemmShape& shape, GemmMatrix<const float> a, GemmMatrix<const float> b,
          GemmMatrix<float> c);
void Gemm(const GemmShape& shape, GemmMatrix<const Bf16> a, GemmMatrix<const Bf16> b,
          GemmMatrix<float> c);
void Gemm(const GemmShape& shape, GemmMatrix<const Bf16> a, GemmMatrix<const Bf16> b,
          GemmMatrix<Bf16> c);

// True where the CPU multiplies bf16 natively (AVX-512 BF16 or AMX), so that bf16 is the faster
// choice; elsewhere oneDNN may refuse bf16 and f32 must be used.
bool HasNativeBf16();

// Measured product rate of one core at a large training shape, in FLOP/s; takes about `seconds`.
double MeasureGemmPeak(bool bf16, double seconds);

}  // namespace holdfast::kernels
