// Row-wise training kernels: conversion, RMSNorm, RoPE, SwiGLU and the movement of rows.
#include "kernels/train_ops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/train_rows.cc"
#include <hwy/foreach_target.h>

#include "kernels/train_ops-inl.h"

#ifndef HOLDFAST_KERNELS_TRAIN_ROWS_ONCE_
#define HOLDFAST_KERNELS_TRAIN_ROWS_ONCE_
#include <cmath>
#include <cstring>
#endif

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {

void ConvertToBf16(const float* from, Bf16* to, std::int64_t count) {
  ForVectors(count,
             [&](auto d, std::int64_t i) HWY_ATTR { StoreA(d, LoadA(d, from + i), to + i); });
}

void AddToTarget(const float* from, float* to, std::int64_t count) {
  ForVectors(count, [&](auto d, std::int64_t i) HWY_ATTR {
    StoreA(d, hn::Add(LoadA(d, to + i), LoadA(d, from + i)), to + i);
  });
}

void ScaleTarget(float factor, float* values, std::int64_t count) {
  ForVectors(count, [&](auto d, std::int64_t i) HWY_ATTR {
    StoreA(d, hn::Mul(hn::Set(d, factor), LoadA(d, values + i)), values + i);
  });
}

// Pieces bound the error of the float sums; the pieces are added in double.
double SumOfSquaresTarget(const float* values, std::int64_t count) {
  constexpr std::int64_t kPiece = 4096;
  double sum = 0;
  for (std::int64_t at = 0; at < count; at += kPiece) {
    const float* piece = values + at;
    sum +=
        SumVectors(count - at < kPiece ? count - at : kPiece, [&](auto d, std::int64_t i) HWY_ATTR {
          const auto v = LoadA(d, piece + i);
          return hn::Mul(v, v);
        });
  }
  return sum;
}

template <typename In, typename A>
void RmsNormRows(const RmsNormForward<In, A>& job) {
  for (std::int64_t t = 0; t < job.rows; ++t) {
    const In* x = job.x + t * job.x_stride;
    const float sum = SumVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto v = LoadA(d, x + i);
      return hn::Mul(v, v);
    });
    const float inverse = 1.0f / std::sqrt(sum / static_cast<float>(job.width) + job.eps);
    job.inverse_rms[t] = inverse;
    A* normed = job.normed + t * job.width;
    A* out = job.out + t * job.width;
    ForVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto n = hn::Mul(LoadA(d, x + i), hn::Set(d, inverse));
      StoreA(d, n, normed + i);
      StoreA(d, hn::Mul(n, LoadA(d, job.weight + i)), out + i);
    });
  }
}

// With n = x * r and g = d_out * weight: d_x = r * (g - n * mean(g * n)).
template <typename A, typename Out>
void RmsNormGradRows(const RmsNormBackward<A, Out>& job) {
  for (std::int64_t t = 0; t < job.rows; ++t) {
    const float* d_out = job.d_out + t * job.width;
    const A* normed = job.normed + t * job.width;
    Out* d_x = job.d_x + t * job.d_x_stride;
    const float dot = SumVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      return hn::Mul(hn::Mul(LoadA(d, d_out + i), LoadA(d, job.weight + i)), LoadA(d, normed + i));
    });
    const float mean = dot / static_cast<float>(job.width);
    const float inverse = job.inverse_rms[t];
    ForVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto g = LoadA(d, d_out + i);
      const auto n = LoadA(d, normed + i);
      auto dx = hn::Mul(hn::Sub(hn::Mul(g, LoadA(d, job.weight + i)), hn::Mul(n, hn::Set(d, mean))),
                        hn::Set(d, inverse));
      if (job.accumulate) dx = hn::Add(dx, LoadA(d, d_x + i));
      StoreA(d, dx, d_x + i);
      if (job.d_weight != nullptr) {
        StoreA(d, hn::MulAdd(g, n, LoadA(d, job.d_weight + i)), job.d_weight + i);
      }
    });
  }
}

template <typename A>
void RopeRows(const RopeJob<A>& job) {
  const Full d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float sign = job.inverse ? -1.0f : 1.0f;
  for (std::int64_t t = 0; t < job.rows; ++t) {
    const A* from = job.from + t * job.from_stride;
    A* to = job.to + t * job.to_stride;
    const float* cos = job.cos + t * job.width;
    const float* sin = job.sin + t * job.width;
    std::int64_t i = 0;
    if constexpr (HWY_TARGET != HWY_SCALAR) {
      for (; i + lanes <= job.width; i += lanes) {
        const auto v = LoadA(d, from + i);
        const auto s = hn::Mul(hn::Set(d, sign), LoadA(d, sin + i));
        StoreA(d, hn::MulAdd(hn::Reverse2(d, v), s, hn::Mul(v, LoadA(d, cos + i))), to + i);
      }
    }
    for (; i < job.width; i += 2) {
      const float a = ToFloat(from[i]);
      const float b = ToFloat(from[i + 1]);
      FromFloat(a * cos[i] + b * sign * sin[i], to[i]);
      FromFloat(b * cos[i + 1] + a * sign * sin[i + 1], to[i + 1]);
    }
  }
}

template <typename A>
void SwiGluRows(const SwiGluForward<A>& job) {
  for (std::int64_t t = 0; t < job.rows; ++t) {
    const A* gate = job.gate_up + t * 2 * job.width;
    const A* up = gate + job.width;
    A* out = job.out + t * job.width;
    const float scale = job.scale == nullptr ? 1.0f : job.scale[t];
    ForVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto g = LoadA(d, gate + i);
      const auto silu = hn::Mul(g, Sigmoid(d, g));
      StoreA(d, hn::Mul(hn::Mul(silu, LoadA(d, up + i)), hn::Set(d, scale)), out + i);
    });
  }
}

// With s = sigmoid(g): d silu / d g = s * (1 + g * (1 - s)).
template <typename A>
void SwiGluGradRows(const SwiGluBackward<A>& job) {
  for (std::int64_t t = 0; t < job.rows; ++t) {
    const A* gate = job.gate_up + t * 2 * job.width;
    const A* up = gate + job.width;
    const A* d_out = job.d_out + t * job.width;
    A* d_gate = job.d_gate_up + t * 2 * job.width;
    A* d_up = d_gate + job.width;
    const float scale = job.scale == nullptr ? 1.0f : job.scale[t];
    const float d_scale = SumVectors(job.width, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto one = hn::Set(d, 1.0f);
      const auto g = LoadA(d, gate + i);
      const auto u = LoadA(d, up + i);
      const auto o = LoadA(d, d_out + i);
      const auto s = Sigmoid(d, g);
      const auto silu = hn::Mul(g, s);
      const auto scaled = hn::Mul(o, hn::Set(d, scale));
      const auto slope = hn::Mul(s, hn::MulAdd(g, hn::Sub(one, s), one));
      StoreA(d, hn::Mul(hn::Mul(scaled, u), slope), d_gate + i);
      StoreA(d, hn::Mul(scaled, silu), d_up + i);
      return hn::Mul(o, hn::Mul(silu, u));
    });
    if (job.d_scale != nullptr) job.d_scale[t] = d_scale;
  }
}

template <typename A>
void CombineRowsOf(const A* from, const std::int32_t* slot, std::int64_t k_count, float* to,
                   std::int64_t rows, std::int64_t width) {
  for (std::int64_t t = 0; t < rows; ++t) {
    const std::int32_t* slots = slot + t * k_count;
    float* row = to + t * width;
    ForVectors(width, [&](auto d, std::int64_t i) HWY_ATTR {
      auto sum = LoadA(d, row + i);
      for (std::int64_t k = 0; k < k_count; ++k) {
        sum = hn::Add(sum, LoadA(d, from + slots[k] * width + i));
      }
      StoreA(d, sum, row + i);
    });
  }
}

// Plain names for HWY_EXPORT, which takes no templates.
void NormFF(const RmsNormForward<float, float>& job) { RmsNormRows(job); }
void NormFB(const RmsNormForward<float, Bf16>& job) { RmsNormRows(job); }
void NormBB(const RmsNormForward<Bf16, Bf16>& job) { RmsNormRows(job); }
void NormGradFF(const RmsNormBackward<float, float>& job) { RmsNormGradRows(job); }
void NormGradBF(const RmsNormBackward<Bf16, float>& job) { RmsNormGradRows(job); }
void NormGradBB(const RmsNormBackward<Bf16, Bf16>& job) { RmsNormGradRows(job); }
void RopeF(const RopeJob<float>& job) { RopeRows(job); }
void RopeB(const RopeJob<Bf16>& job) { RopeRows(job); }
void SwiGluF(const SwiGluForward<float>& job) { SwiGluRows(job); }
void SwiGluB(const SwiGluForward<Bf16>& job) { SwiGluRows(job); }
void SwiGluGradF(const SwiGluBackward<float>& job) { SwiGluGradRows(job); }
void SwiGluGradB(const SwiGluBackward<Bf16>& job) { SwiGluGradRows(job); }
void CombineF(const float* from, const std::int32_t* slot, std::int64_t k_count, float* to,
              std::int64_t rows, std::int64_t width) {
  CombineRowsOf(from, slot, k_count, to, rows, width);
}
void CombineB(const Bf16* from, const std::int32_t* slot, std::int64_t k_count, float* to,
              std::int64_t rows, std::int64_t width) {
  CombineRowsOf(from, slot, k_count, to, rows, width);
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {
namespace {

HWY_EXPORT(ConvertToBf16);
HWY_EXPORT(AddToTarget);
HWY_EXPORT(ScaleTarget);
HWY_EXPORT(SumOfSquaresTarget);
HWY_EXPORT(NormFF);
HWY_EXPORT(NormFB);
HWY_EXPORT(NormBB);
HWY_EXPORT(NormGradFF);
HWY_EXPORT(NormGradBF);
HWY_EXPORT(NormGradBB);
HWY_EXPORT(RopeF);
HWY_EXPORT(RopeB);
HWY_EXPORT(SwiGluF);
HWY_EXPORT(SwiGluB);
HWY_EXPORT(SwiGluGradF);
HWY_EXPORT(SwiGluGradB);
HWY_EXPORT(CombineF);
HWY_EXPORT(CombineB);

template <typename A>
void GatherRowsOf(const A* from, const std::int32_t* index, A* to, std::int64_t rows,
                  std::int64_t width) {
  const std::size_t bytes = static_cast<std::size_t>(width) * sizeof(A);
  for (std::int64_t i = 0; i < rows; ++i) {
    void* row = to + i * width;
    if (index[i] < 0) {
      std::memset(row, 0, bytes);
    } else {
      std::memcpy(row, from + index[i] * width, bytes);
    }
  }
}

}  // namespace

void Convert(const float* from, float* to, std::int64_t count) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}
void Convert(const float* from, Bf16* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ConvertToBf16)(from, to, count);
}
void AddTo(const float* from, float* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(AddToTarget)(from, to, count);
}
double SumOfSquares(const float* values, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresTarget)(values, count);
}
void Scale(float factor, float* values, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ScaleTarget)(factor, values, count);
}
void RmsNorm(const RmsNormForward<float, float>& job) { HWY_DYNAMIC_DISPATCH(NormFF)(job); }
void RmsNorm(const RmsNormForward<float, Bf16>& job) { HWY_DYNAMIC_DISPATCH(NormFB)(job); }
void RmsNorm(const RmsNormForward<Bf16, Bf16>& job) { HWY_DYNAMIC_DISPATCH(NormBB)(job); }
void RmsNormGrad(const RmsNormBackward<float, float>& job) {
  HWY_DYNAMIC_DISPATCH(NormGradFF)(job);
}
void RmsNormGrad(const RmsNormBackward<Bf16, float>& job) { HWY_DYNAMIC_DISPATCH(NormGradBF)(job); }
void RmsNormGrad(const RmsNormBackward<Bf16, Bf16>& job) { HWY_DYNAMIC_DISPATCH(NormGradBB)(job); }
void Rope(const RopeJob<float>& job) { HWY_DYNAMIC_DISPATCH(RopeF)(job); }
void Rope(const RopeJob<Bf16>& job) { HWY_DYNAMIC_DISPATCH(RopeB)(job); }
void SwiGlu(const SwiGluForward<float>& job) { HWY_DYNAMIC_DISPATCH(SwiGluF)(job); }
void SwiGlu(const SwiGluForward<Bf16>& job) { HWY_DYNAMIC_DISPATCH(SwiGluB)(job); }
void SwiGluGrad(const SwiGluBackward<float>& job) { HWY_DYNAMIC_DISPATCH(SwiGluGradF)(job); }
void SwiGluGrad(const SwiGluBackward<Bf16>& job) { HWY_DYNAMIC_DISPATCH(SwiGluGradB)(job); }
void GatherRows(const float* from, const std::int32_t* index, float* to, std::int64_t rows,
                std::int64_t width) {
  GatherRowsOf(from, index, to, rows, width);
}
void GatherRows(const Bf16* from, const std::int32_t* index, Bf16* to, std::int64_t rows,
                std::int64_t width) {
  GatherRowsOf(from, index, to, rows, width);
}
void CombineRows(const float* from, const std::int32_t* slot, std::int64_t k_count, float* to,
                 std::int64_t rows, std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(CombineF)(from, slot, k_count, to, rows, width);
}
void CombineRows(const Bf16* from, const std::int32_t* slot, std::int64_t k_count, float* to,
                 std::int64_t rows, std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(CombineB)(from, slot, k_count, to, rows, width);
}

}  // namespace holdfast::kernels
#endif
