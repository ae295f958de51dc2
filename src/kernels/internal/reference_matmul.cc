#include "kernels/internal/reference_matmul.h"

#include <vector>

#include "kernels/internal/packed_state.h"
#include "kernels/quant/quantize.h"

namespace holdfast::kernels::internal {
namespace {

// Independent partial sums: lane l adds the products of k = l, l + 16, ... in rising order. The
// order is the same for every row of x, and the compiler may keep the lanes in vectors.
constexpr std::int64_t kLanes = 16;

float Dot(const float* a, const float* b, std::int64_t count) {
  float lanes[kLanes] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[k + lane] * b[k + lane];
  }
  for (std::int64_t lane = 0; k < count; ++k, ++lane) lanes[lane] += a[k] * b[k];
  for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

}  // namespace

void ReferenceMatMul(const MatMulJob& job, std::int64_t out_begin, std::int64_t out_end) {
  const PackedMatrix::State& weight = *job.weight->state();
  std::vector<float> values(static_cast<std::size_t>(weight.in));
  for (std::int64_t o = out_begin; o < out_end; ++o) {
    DequantizeViewRow(weight.view, o, values.data());
    for (std::int64_t t = 0; t < job.rows; ++t) {
      const std::int64_t source = job.row_index != nullptr ? job.row_index[t] : t;
      job.y[t * job.y_stride + o] = Dot(values.data(), job.x + source * job.x_stride, weight.in);
    }
  }
}

}  // namespace holdfast::kernels::internal
