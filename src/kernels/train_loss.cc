// Training kernels around the exponential, attention softmax and cross-entropy, and the optimizer's
// element-wise updates.
#include "kernels/train_ops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/train_loss.cc"
#include <hwy/foreach_target.h>

#include "kernels/train_ops-inl.h"

#ifndef HOLDFAST_KERNELS_TRAIN_LOSS_ONCE_
#define HOLDFAST_KERNELS_TRAIN_LOSS_ONCE_
#include <algorithm>
#include <cmath>
#endif

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {

HWY_INLINE float MaxOf(const float* values, std::int64_t count) {
  const Full d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  float max = values[0];
  std::int64_t i = 0;
  if (count >= lanes) {
    auto maxima = hn::LoadU(d, values);
    for (i = lanes; i + lanes <= count; i += lanes) {
      maxima = hn::Max(maxima, hn::LoadU(d, values + i));
    }
    max = hn::GetLane(hn::MaxOfLanes(d, maxima));
  }
  for (; i < count; ++i) max = std::max(max, values[i]);
  return max;
}

template <typename A>
void SoftmaxRows(const SoftmaxForward<A>& job) {
  for (std::int64_t row = 0; row < job.rows; ++row) {
    const std::int64_t first = job.first_key[row];
    const std::int64_t seen = job.first_query + row + 1 - first;
    float* scores = job.scores + row * job.scores_stride + first;
    A* out = job.probabilities + row * job.probabilities_stride;
    std::fill(out, out + first, A{});
    std::fill(out + first + seen, out + job.columns, A{});
    out += first;
    const float shift = job.scale * MaxOf(scores, seen);
    const float sum = SumVectors(seen, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto e =
          hn::Exp(d, hn::MulSub(LoadA(d, scores + i), hn::Set(d, job.scale), hn::Set(d, shift)));
      StoreA(d, e, scores + i);
      return e;
    });
    const float inverse = 1.0f / sum;
    ForVectors(seen, [&](auto d, std::int64_t i) HWY_ATTR {
      StoreA(d, hn::Mul(LoadA(d, scores + i), hn::Set(d, inverse)), out + i);
    });
  }
}

// d_scores = scale * p * (d_p - sum(d_p * p)); p is 0 at hidden keys, and so is d_scores.
template <typename A>
void SoftmaxGradRows(const SoftmaxBackward<A>& job) {
  for (std::int64_t row = 0; row < job.rows; ++row) {
    const float* d_p = job.d_probabilities + row * job.d_probabilities_stride;
    const A* p = job.probabilities + row * job.probabilities_stride;
    A* d_s = job.d_scores + row * job.d_scores_stride;
    const float dot = SumVectors(job.columns, [&](auto d, std::int64_t i) HWY_ATTR {
      return hn::Mul(LoadA(d, d_p + i), LoadA(d, p + i));
    });
    ForVectors(job.columns, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto centred = hn::Sub(LoadA(d, d_p + i), hn::Set(d, dot));
      StoreA(d, hn::Mul(hn::Mul(centred, LoadA(d, p + i)), hn::Set(d, job.scale)), d_s + i);
    });
  }
}

template <typename A>
void CrossEntropyRows(const CrossEntropyJob<A>& job) {
  for (std::int64_t t = 0; t < job.rows; ++t) {
    float* logits = job.logits + t * job.vocabulary;
    const std::int32_t target = job.target[t];
    const float target_logit = logits[target];
    const float max = MaxOf(logits, job.vocabulary);
    const bool keeps = job.d_logits != nullptr;
    const float sum = SumVectors(job.vocabulary, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto e = hn::Exp(d, hn::Sub(LoadA(d, logits + i), hn::Set(d, max)));
      if (keeps) StoreA(d, e, logits + i);
      return e;
    });
    const float log_sum = max + std::log(sum);
    job.loss[t] = log_sum - target_logit;
    job.log_sum[t] = log_sum;
    if (!keeps) continue;
    A* grad = job.d_logits + t * job.vocabulary;
    const float z_slope = 1.0f + 2.0f * job.z_loss * log_sum;
    const float factor = job.grad_scale * z_slope / sum;
    ForVectors(job.vocabulary, [&](auto d, std::int64_t i) HWY_ATTR {
      StoreA(d, hn::Mul(LoadA(d, logits + i), hn::Set(d, factor)), grad + i);
    });
    const float p = std::exp(target_logit - log_sum);
    FromFloat(job.grad_scale * (p * z_slope - 1.0f), grad[target]);
  }
}

void AdamWTarget(const AdamWJob& job) {
  ForVectors(job.count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto g = hn::Mul(hn::Set(d, job.gradient_scale), LoadA(d, job.gradient + i));
    const auto m = hn::MulAdd(hn::Set(d, job.beta1), LoadA(d, job.first_moment + i),
                              hn::Mul(hn::Set(d, 1.0f - job.beta1), g));
    const auto v = hn::MulAdd(hn::Set(d, job.beta2), LoadA(d, job.second_moment + i),
                              hn::Mul(hn::Set(d, 1.0f - job.beta2), hn::Mul(g, g)));
    StoreA(d, m, job.first_moment + i);
    StoreA(d, v, job.second_moment + i);
    const auto root = hn::Sqrt(hn::Mul(v, hn::Set(d, 1.0f / job.bias_correction2)));
    const auto step = hn::Div(hn::Mul(m, hn::Set(d, 1.0f / job.bias_correction1)),
                              hn::Add(root, hn::Set(d, job.eps)));
    const auto w = LoadA(d, job.weight + i);
    const auto change = hn::MulAdd(hn::Set(d, job.weight_decay), w, step);
    StoreA(d, hn::NegMulAdd(hn::Set(d, job.learning_rate), change, w), job.weight + i);
  });
}

void NesterovTarget(float beta, float scale, const float* gradient, float* momentum, float* update,
                    std::int64_t count) {
  ForVectors(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto g = hn::Mul(hn::Set(d, scale), LoadA(d, gradient + i));
    const auto m = hn::MulAdd(hn::Set(d, beta), LoadA(d, momentum + i), g);
    StoreA(d, m, momentum + i);
    StoreA(d, hn::MulAdd(hn::Set(d, beta), m, g), update + i);
  });
}

void ApplyUpdateTarget(float rate, float factor, float decay, const float* update, float* weight,
                       std::int64_t count) {
  ForVectors(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto w = LoadA(d, weight + i);
    const auto change =
        hn::MulAdd(hn::Set(d, factor), LoadA(d, update + i), hn::Mul(hn::Set(d, decay), w));
    StoreA(d, hn::NegMulAdd(hn::Set(d, rate), change, w), weight + i);
  });
}

void BlendTarget(float a, const float* x, float b, const float* y, float* out, std::int64_t count) {
  ForVectors(count, [&](auto d, std::int64_t i) HWY_ATTR {
    StoreA(d, hn::MulAdd(hn::Set(d, a), LoadA(d, x + i), hn::Mul(hn::Set(d, b), LoadA(d, y + i))),
           out + i);
  });
}

// Plain names for HWY_EXPORT, which takes no templates.
void SoftmaxF(const SoftmaxForward<float>& job) { SoftmaxRows(job); }
void SoftmaxB(const SoftmaxForward<Bf16>& job) { SoftmaxRows(job); }
void SoftmaxGradF(const SoftmaxBackward<float>& job) { SoftmaxGradRows(job); }
void SoftmaxGradB(const SoftmaxBackward<Bf16>& job) { SoftmaxGradRows(job); }
void CrossEntropyF(const CrossEntropyJob<float>& job) { CrossEntropyRows(job); }
void CrossEntropyB(const CrossEntropyJob<Bf16>& job) { CrossEntropyRows(job); }

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {
namespace {

HWY_EXPORT(SoftmaxF);
HWY_EXPORT(SoftmaxB);
HWY_EXPORT(SoftmaxGradF);
HWY_EXPORT(SoftmaxGradB);
HWY_EXPORT(CrossEntropyF);
HWY_EXPORT(CrossEntropyB);
HWY_EXPORT(AdamWTarget);
HWY_EXPORT(NesterovTarget);
HWY_EXPORT(ApplyUpdateTarget);
HWY_EXPORT(BlendTarget);

}  // namespace

void AttentionSoftmax(const SoftmaxForward<float>& job) { HWY_DYNAMIC_DISPATCH(SoftmaxF)(job); }
void AttentionSoftmax(const SoftmaxForward<Bf16>& job) { HWY_DYNAMIC_DISPATCH(SoftmaxB)(job); }
void AttentionSoftmaxGrad(const SoftmaxBackward<float>& job) {
  HWY_DYNAMIC_DISPATCH(SoftmaxGradF)(job);
}
void AttentionSoftmaxGrad(const SoftmaxBackward<Bf16>& job) {
  HWY_DYNAMIC_DISPATCH(SoftmaxGradB)(job);
}
void CrossEntropy(const CrossEntropyJob<float>& job) { HWY_DYNAMIC_DISPATCH(CrossEntropyF)(job); }
void CrossEntropy(const CrossEntropyJob<Bf16>& job) { HWY_DYNAMIC_DISPATCH(CrossEntropyB)(job); }
void AdamW(const AdamWJob& job) { HWY_DYNAMIC_DISPATCH(AdamWTarget)(job); }
void NesterovMomentum(float beta, float scale, const float* gradient, float* momentum,
                      float* update, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(NesterovTarget)(beta, scale, gradient, momentum, update, count);
}
void ApplyUpdate(float rate, float factor, float decay, const float* update, float* weight,
                 std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ApplyUpdateTarget)(rate, factor, decay, update, weight, count);
}
void Blend(float a, const float* x, float b, const float* y, float* out, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(BlendTarget)(a, x, b, y, out, count);
}

}  // namespace holdfast::kernels
#endif
