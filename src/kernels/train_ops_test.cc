// Each training kernel against its plain twin in double: forward values, and gradients by central
// finite differences of the twin. Widths are odd on purpose: vectors, tails and single numbers.
#include "kernels/train_ops.h"

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "kernels/reference/train_reference.h"

namespace holdfast::kernels {
namespace {

// Finite differences of doubles with this step are exact to about 1e-10.
constexpr double kStep = 1e-5;

template <typename A>
double Tolerance() {
  return std::is_same_v<A, float> ? 2e-5 : 2e-2;
}

// Random numbers that A holds exactly, so that kernel and twin start from the same ones.
template <typename A>
std::vector<A> RandomValues(std::int64_t count, unsigned seed, double scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<A> values(static_cast<std::size_t>(count));
  for (A& value : values) FromFloat(static_cast<float>(scale) * normal(random), value);
  return values;
}

template <typename A>
std::vector<double> ToDouble(const std::vector<A>& values) {
  std::vector<double> wide;
  for (const A& value : values) wide.push_back(ToFloat(value));
  return wide;
}

// d/dx of sum(weight * f(x)) at each place.
std::vector<double> Differences(std::vector<double> x,
                                const std::function<double(const std::vector<double>&)>& f) {
  std::vector<double> slopes;
  for (double& value : x) {
    const double middle = value;
    value = middle + kStep;
    const double above = f(x);
    value = middle - kStep;
    const double below = f(x);
    value = middle;
    slopes.push_back((above - below) / (2 * kStep));
  }
  return slopes;
}

template <typename A>
void ExpectNear(const std::vector<A>& actual, const std::vector<double>& expected, double tolerance,
                const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  double scale = 1e-3;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(ToFloat(actual[i]), expected[i], tolerance * scale) << what << " at " << i;
  }
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

template <typename A>
class TrainOps : public testing::Test {};
using ActivationTypes = testing::Types<float, Bf16>;
TYPED_TEST_SUITE(TrainOps, ActivationTypes);

TYPED_TEST(TrainOps, RmsNormAndItsGradientMatchTheTwin) {
  using A = TypeParam;
  constexpr std::int64_t kRows = 3;
  for (const std::int64_t width : {1, 7, 16, 37, 64}) {
    const auto x = RandomValues<A>(kRows * width, 1);
    const auto weight = RandomValues<float>(width, 2);
    const auto d_out = RandomValues<float>(kRows * width, 3);
    std::vector<A> normed(x.size()), out(x.size());
    std::vector<float> inverse(kRows);
    RmsNorm(RmsNormForward<A, A>{.x = x.data(),
                                 .x_stride = width,
                                 .weight = weight.data(),
                                 .normed = normed.data(),
                                 .out = out.data(),
                                 .inverse_rms = inverse.data(),
                                 .rows = kRows,
                                 .width = width,
                                 .eps = 1e-6f});
    const auto twin = [&](const std::vector<double>& x_wide, const std::vector<double>& w_wide) {
      std::vector<double> y(x_wide.size());
      for (std::int64_t t = 0; t < kRows; ++t) {
        reference::RmsNorm(x_wide.data() + t * width, w_wide.data(), width, 1e-6,
                           y.data() + t * width);
      }
      return y;
    };
    ExpectNear(out, twin(ToDouble(x), ToDouble(weight)), Tolerance<A>(), "out");
    std::vector<float> d_x(x.size(), 0.5f), d_weight(weight.size(), 0.25f);
    RmsNormGrad(RmsNormBackward<A, float>{.d_out = d_out.data(),
                                          .normed = normed.data(),
                                          .inverse_rms = inverse.data(),
                                          .weight = weight.data(),
                                          .d_x = d_x.data(),
                                          .d_x_stride = width,
                                          .accumulate = true,
                                          .d_weight = d_weight.data(),
                                          .rows = kRows,
                                          .width = width});
    auto by_x = Differences(ToDouble(x), [&](const std::vector<double>& v) {
      return Dot(twin(v, ToDouble(weight)), ToDouble(d_out));
    });
    auto by_weight = Differences(ToDouble(weight), [&](const std::vector<double>& v) {
      return Dot(twin(ToDouble(x), v), ToDouble(d_out));
    });
    for (double& slope : by_x) slope += 0.5;
    for (double& slope : by_weight) slope += 0.25;
    ExpectNear(d_x, by_x, Tolerance<A>(), "d_x");
    ExpectNear(d_weight, by_weight, Tolerance<A>(), "d_weight");
  }
}

TYPED_TEST(TrainOps, RopeMatchesTheTwinAndTurnsBack) {
  using A = TypeParam;
  constexpr std::int64_t kRows = 5;
  for (const std::int64_t width : {2, 8, 16, 18, 64}) {
    const auto x = RandomValues<A>(kRows * width, 4);
    const RopeTable table = MakeRopeTable(width, 100.0, nullptr);
    std::vector<float> cos, sin;
    std::vector<double> expected(x.size());
    for (std::int64_t t = 0; t < kRows; ++t) {
      reference::Rope(ToDouble(x).data() + t * width, table, t, expected.data() + t * width);
      for (std::int64_t i = 0; i < width; ++i) {
        const double angle = static_cast<double>(t) * table.frequency[i / 2];
        cos.push_back(static_cast<float>(std::cos(angle)));
        sin.push_back(static_cast<float>((i % 2 == 0 ? -1 : 1) * std::sin(angle)));
      }
    }
    std::vector<A> turned(x.size()), back(x.size());
    RopeJob<A> job{.from = x.data(),
                   .from_stride = width,
                   .to = turned.data(),
                   .to_stride = width,
                   .cos = cos.data(),
                   .sin = sin.data(),
                   .rows = kRows,
                   .width = width};
    Rope(job);
    ExpectNear(turned, expected, Tolerance<A>(), "turned");
    // A rotation's gradient is the rotation back.
    job.from = turned.data();
    job.to = back.data();
    job.inverse = true;
    Rope(job);
    ExpectNear(back, ToDouble(x), Tolerance<A>(), "back");
  }
}

TYPED_TEST(TrainOps, SwiGluAndItsGradientMatchTheTwin) {
  using A = TypeParam;
  constexpr std::int64_t kRows = 3;
  for (const std::int64_t width : {1, 16, 21, 48}) {
    const auto gate_up = RandomValues<A>(kRows * 2 * width, 5, 2);
    const auto scale = RandomValues<float>(kRows, 6);
    const auto d_out = RandomValues<A>(kRows * width, 7);
    const auto twin = [&](const std::vector<double>& in, const std::vector<double>& by) {
      std::vector<double> y(static_cast<std::size_t>(kRows * width));
      for (std::int64_t t = 0; t < kRows; ++t) {
        const double* gate = in.data() + t * 2 * width;
        reference::SwiGlu(gate, gate + width, width, by[t], y.data() + t * width);
      }
      return y;
    };
    std::vector<A> out(d_out.size()), d_gate_up(gate_up.size());
    std::vector<float> d_scale(kRows);
    SwiGlu(SwiGluForward<A>{.gate_up = gate_up.data(),
                            .scale = scale.data(),
                            .out = out.data(),
                            .rows = kRows,
                            .width = width});
    ExpectNear(out, twin(ToDouble(gate_up), ToDouble(scale)), Tolerance<A>(), "out");
    SwiGluGrad(SwiGluBackward<A>{.d_out = d_out.data(),
                                 .gate_up = gate_up.data(),
                                 .scale = scale.data(),
                                 .d_gate_up = d_gate_up.data(),
                                 .d_scale = d_scale.data(),
                                 .rows = kRows,
                                 .width = width});
    ExpectNear(d_gate_up,
               Differences(ToDouble(gate_up),
                           [&](const std::vector<double>& v) {
                             return Dot(twin(v, ToDouble(scale)), ToDouble(d_out));
                           }),
               Tolerance<A>(), "d_gate_up");
    ExpectNear(d_scale,
               Differences(ToDouble(scale),
                           [&](const std::vector<double>& v) {
                             return Dot(twin(ToDouble(gate_up), v), ToDouble(d_out));
                           }),
               Tolerance<A>(), "d_scale");
  }
}

TYPED_TEST(TrainOps, AttentionSoftmaxHidesLaterAndForeignKeysAndItsGradientMatchesTheTwin) {
  using A = TypeParam;
  constexpr std::int64_t kFirstQuery = 19, kRows = 4, kColumns = 23;
  const std::vector<std::int32_t> first_key = {0, 3, 17, 22};
  const auto scores = RandomValues<float>(kRows * kColumns, 8, 3);
  const auto d_p = RandomValues<float>(kRows * kColumns, 9);
  const auto twin = [&](const std::vector<double>& in) {
    std::vector<double> y(in.size());
    for (std::int64_t t = 0; t < kRows; ++t) {
      reference::AttentionSoftmax(in.data() + t * kColumns, first_key[t], kFirstQuery + t, kColumns,
                                  0.25, y.data() + t * kColumns);
    }
    return y;
  };
  auto scratch = scores;
  std::vector<A> p(scores.size()), d_scores(scores.size());
  AttentionSoftmax(SoftmaxForward<A>{.scores = scratch.data(),
                                     .scores_stride = kColumns,
                                     .probabilities = p.data(),
                                     .probabilities_stride = kColumns,
                                     .first_key = first_key.data(),
                                     .first_query = kFirstQuery,
                                     .rows = kRows,
                                     .columns = kColumns,
                                     .scale = 0.25f});
  ExpectNear(p, twin(ToDouble(scores)), Tolerance<A>(), "p");
  EXPECT_EQ(ToFloat(p[kColumns + 2]), 0.0f);
  AttentionSoftmaxGrad(SoftmaxBackward<A>{.d_probabilities = d_p.data(),
                                          .d_probabilities_stride = kColumns,
                                          .probabilities = p.data(),
                                          .probabilities_stride = kColumns,
                                          .d_scores = d_scores.data(),
                                          .d_scores_stride = kColumns,
                                          .rows = kRows,
                                          .columns = kColumns,
                                          .scale = 0.25f});
  ExpectNear(d_scores,
             Differences(ToDouble(scores),
                         [&](const std::vector<double>& v) { return Dot(twin(v), ToDouble(d_p)); }),
             Tolerance<A>(), "d_scores");
}

TYPED_TEST(TrainOps, CrossEntropyAndItsGradientMatchTheTwin) {
  using A = TypeParam;
  constexpr std::int64_t kRows = 3, kVocabulary = 45;
  const auto logits = RandomValues<float>(kRows * kVocabulary, 10, 4);
  const std::vector<std::int32_t> target = {0, 44, 17};
  const auto twin = [&](const std::vector<double>& in, double z_loss) {
    std::vector<double> losses;
    for (std::int64_t t = 0; t < kRows; ++t) {
      losses.push_back(reference::CrossEntropy(in.data() + t * kVocabulary, kVocabulary,
                                               static_cast<std::int64_t>(target[t]), z_loss));
    }
    return losses;
  };
  auto scratch = logits;
  std::vector<A> d_logits(logits.size());
  std::vector<float> loss(kRows), log_sum(kRows);
  CrossEntropy(CrossEntropyJob<A>{.logits = scratch.data(),
                                  .target = target.data(),
                                  .d_logits = d_logits.data(),
                                  .loss = loss.data(),
                                  .log_sum = log_sum.data(),
                                  .grad_scale = 0.5f,
                                  .z_loss = 0.01f,
                                  .rows = kRows,
                                  .vocabulary = kVocabulary});
  ExpectNear(loss, twin(ToDouble(logits), 0), 2e-5, "loss");
  ExpectNear(d_logits,
             Differences(ToDouble(logits),
                         [&](const std::vector<double>& v) {
                           return Dot(twin(v, 0.01), {0.5, 0.5, 0.5});
                         }),
             Tolerance<A>(), "d_logits");
}

TYPED_TEST(TrainOps, RowsAreGatheredWithPaddingAndCombinedInOrder) {
  using A = TypeParam;
  constexpr std::int64_t kWidth = 19;
  const auto from = RandomValues<A>(4 * kWidth, 11);
  const std::vector<std::int32_t> index = {2, -1, 0};
  std::vector<A> gathered(3 * kWidth);
  GatherRows(from.data(), index.data(), gathered.data(), 3, kWidth);
  const std::vector<std::int32_t> slot = {1, 3, 0, 0};
  std::vector<float> sums(2 * kWidth, 1.0f);
  CombineRows(from.data(), slot.data(), 2, sums.data(), 2, kWidth);
  for (std::int64_t i = 0; i < kWidth; ++i) {
    EXPECT_EQ(ToFloat(gathered[i]), ToFloat(from[2 * kWidth + i]));
    EXPECT_EQ(ToFloat(gathered[kWidth + i]), 0.0f);
    EXPECT_EQ(sums[i], (1.0f + ToFloat(from[kWidth + i])) + ToFloat(from[3 * kWidth + i]));
    EXPECT_EQ(sums[kWidth + i], (1.0f + ToFloat(from[i])) + ToFloat(from[i]));
  }
}

TEST(TrainOpsConvert, RoundsToNearestEvenLikeTheScalarConversion) {
  std::vector<float> values = {0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, 3.4e38f, 1e-40f};
  for (const float value : RandomValues<float>(200, 12, 1e3)) values.push_back(value);
  std::vector<Bf16> rounded(values.size());
  Convert(values.data(), rounded.data(), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bf16 expected;
    FromFloat(values[i], expected);
    EXPECT_EQ(rounded[i].bits, expected.bits) << values[i];
  }
}

TEST(AdamWKernel, FollowsThePublishedFormula) {
  constexpr std::int64_t kCount = 21;
  auto weight = RandomValues<float>(kCount, 13);
  auto m = RandomValues<float>(kCount, 14), v = RandomValues<float>(kCount, 15);
  for (float& value : v) value *= value;
  const auto gradient = RandomValues<float>(kCount, 16);
  std::vector<double> expected;
  for (std::int64_t i = 0; i < kCount; ++i) {
    const double g = 0.5 * gradient[i];
    const double m1 = 0.9 * m[i] + 0.1 * g, v1 = 0.95 * v[i] + 0.05 * g * g;
    const double step = m1 / 0.19 / (std::sqrt(v1 / 0.0975) + 1e-8);
    expected.push_back(weight[i] - 0.01 * (step + 0.1 * weight[i]));
  }
  AdamW({.weight = weight.data(),
         .gradient = gradient.data(),
         .first_moment = m.data(),
         .second_moment = v.data(),
         .count = kCount,
         .gradient_scale = 0.5f,
         .learning_rate = 0.01f,
         .bias_correction1 = 0.19f,
         .bias_correction2 = 0.0975f,
         .weight_decay = 0.1f});
  ExpectNear(weight, expected, 1e-5, "weight");
}

template <typename A>
void CheckGemm(bool transpose_a, bool transpose_b) {
  constexpr std::int64_t kM = 37, kN = 29, kK = 53;
  const auto a = RandomValues<A>(kM * kK, 17), b = RandomValues<A>(kK * kN, 18);
  auto c = RandomValues<float>(kM * kN, 19);
  std::vector<double> expected = ToDouble(c);
  for (std::int64_t i = 0; i < kM; ++i) {
    for (std::int64_t j = 0; j < kN; ++j) {
      for (std::int64_t k = 0; k < kK; ++k) {
        expected[i * kN + j] +=
            static_cast<double>(ToFloat(a[transpose_a ? k * kM + i : i * kK + k])) *
            ToFloat(b[transpose_b ? j * kK + k : k * kN + j]);
      }
    }
  }
  Gemm({.m = kM,
        .n = kN,
        .k = kK,
        .transpose_a = transpose_a,
        .transpose_b = transpose_b,
        .accumulate = true},
       GemmMatrix<const A>{a.data(), transpose_a ? kM : kK},
       GemmMatrix<const A>{b.data(), transpose_b ? kK : kN}, GemmMatrix<float>{c.data(), kN});
  ExpectNear(c, expected, 1e-5, "c");
}

TEST(Gemm, AddsProductsOfAllTranspositions) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      CheckGemm<float>(transpose_a, transpose_b);
      if (HasNativeBf16()) CheckGemm<Bf16>(transpose_a, transpose_b);
    }
  }
}

}  // namespace
}  // namespace holdfast::kernels
