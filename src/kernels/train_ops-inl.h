// Loads and stores of activations for the training kernels, shared between their files; compiled
// once per Highway target.
#if defined(HOLDFAST_KERNELS_TRAIN_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_KERNELS_TRAIN_OPS_INL_H_
#undef HOLDFAST_KERNELS_TRAIN_OPS_INL_H_
#else
#define HOLDFAST_KERNELS_TRAIN_OPS_INL_H_
#endif

#include <cstdint>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "kernels/bf16.h"

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::ScalableTag<float>;
// One number in a vector type, for the ends of rows: the same code serves both.
using One = hn::CappedTag<float, 1>;

template <class D>
HWY_INLINE hn::Vec<D> LoadA(D d, const float* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadA(D d, const Bf16* from) {
  const hn::Rebind<std::uint16_t, D> half;
  const hn::Rebind<std::uint32_t, D> whole;
  const auto bits = hn::LoadU(half, reinterpret_cast<const std::uint16_t*>(from));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(whole, bits)));
}

template <class D>
HWY_INLINE void StoreA(D d, hn::Vec<D> value, float* to) {
  hn::StoreU(value, d, to);
}
// Rounds to nearest, ties to even.
template <class D>
HWY_INLINE void StoreA(D d, hn::Vec<D> value, Bf16* to) {
  const hn::Rebind<std::uint16_t, D> half;
  const hn::Rebind<std::uint32_t, D> whole;
  const hn::Rebind<std::int32_t, D> whole_signed;
  const auto bits = hn::BitCast(whole, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(whole, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(whole, 0x7FFFu)), odd));
  hn::StoreU(hn::DemoteTo(half, hn::BitCast(whole_signed, rounded)), half,
             reinterpret_cast<std::uint16_t*>(to));
  (void)d;
}

// Calls body(tag, i) for i in [0, count) by whole vectors, then one by one.
template <class Body>
HWY_INLINE void ForVectors(std::int64_t count, const Body& body) {
  const Full d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(d, i);
  for (; i < count; ++i) body(One(), i);
}

// Sum over i of body(tag, i): two accumulators hide the latency of the addition.
template <class Body>
HWY_INLINE float SumVectors(std::int64_t count, const Body& body) {
  const Full d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    sum0 = hn::Add(sum0, body(d, i));
    sum1 = hn::Add(sum1, body(d, i + lanes));
  }
  for (; i + lanes <= count; i += lanes) sum0 = hn::Add(sum0, body(d, i));
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; i < count; ++i) sum += hn::GetLane(body(One(), i));
  return sum;
}

// 1 / (1 + exp(-x)).
template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
