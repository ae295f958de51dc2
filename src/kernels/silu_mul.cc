#include "kernels/silu_mul.h"

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/silu_mul.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
V SiluMulVector(D d, V gate, V up) {
  // exp is finite up to 88; beyond that silu is 0 to the last bit of what matters.
  const V negative = hn::Min(hn::Neg(gate), hn::Set(d, 88.0f));
  const V one = hn::Set(d, 1.0f);
  return hn::Mul(hn::Div(gate, hn::Add(one, hn::Exp(d, negative))), up);
}

// The tail goes through the same vector code, so an element's bits do not depend on its place.
void SiluMulRow(const float* gate, const float* up, std::int64_t count, float* y) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = hn::Lanes(d);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(SiluMulVector(d, hn::LoadU(d, gate + i), hn::LoadU(d, up + i)), d, y + i);
  }
  if (i == count) return;
  alignas(64) float gate_tail[16] = {}, up_tail[16] = {};
  for (std::int64_t k = i; k < count; ++k) {
    gate_tail[k - i] = gate[k];
    up_tail[k - i] = up[k];
  }
  hn::Store(SiluMulVector(d, hn::Load(d, gate_tail), hn::Load(d, up_tail)), d, gate_tail);
  for (std::int64_t k = i; k < count; ++k) y[k] = gate_tail[k - i];
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(SiluMulRow);

void SiluMul(const float* gate, const float* up, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(SiluMulRow)(gate, up, count, y);
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
