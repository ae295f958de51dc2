#include "kernels/matmul.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "kernels/internal/dequantize_row.h"
#include "kernels/internal/packed_state.h"
#include "kernels/internal/reference_matmul.h"

namespace holdfast::kernels {
namespace {

// Outputs a task computes: small enough to share one layer's products among the workers evenly.
constexpr std::int64_t kTaskOutputs = 32;

struct Task {
  std::size_t job;
  std::int64_t out_begin;
  std::int64_t out_end;
};

}  // namespace

PackedMatrix::PackedMatrix() = default;
PackedMatrix::PackedMatrix(PackedMatrix&&) noexcept = default;
PackedMatrix& PackedMatrix::operator=(PackedMatrix&&) noexcept = default;
PackedMatrix::~PackedMatrix() = default;

Result<PackedMatrix> PackedMatrix::Pack(const tensor::TensorView& weight,
                                        const PackOptions& options, parallel::ThreadPool& pool) {
  (void)options;
  (void)pool;
  if (!internal::IsDequantizable(weight.dtype)) {
    return Fail(ErrorCode::kUnsupported, "no matrix product for weights of type {}",
                tensor::DTypeName(weight.dtype));
  }
  const auto block = static_cast<std::int64_t>(tensor::BlockElements(weight.dtype));
  if (weight.shape.rank == 0 || weight.Cols() <= 0 || weight.Cols() % block != 0) {
    return Fail(ErrorCode::kUnsupported, "no matrix product for a {} weight of shape {}",
                tensor::DTypeName(weight.dtype), weight.shape.ToString());
  }
  PackedMatrix packed;
  packed.state_ = std::make_unique<State>();
  packed.state_->out = weight.Rows();
  packed.state_->in = weight.Cols();
  packed.state_->bytes = weight.Bytes();
  packed.state_->view = weight;
  return packed;
}

std::int64_t PackedMatrix::out() const { return state_ ? state_->out : 0; }
std::int64_t PackedMatrix::in() const { return state_ ? state_->in : 0; }
std::size_t PackedMatrix::bytes() const { return state_ ? state_->bytes : 0; }

void MatMul(std::span<const MatMulJob> jobs, parallel::ThreadPool& pool) {
  std::vector<Task> tasks;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    CHECK(jobs[j].weight != nullptr && jobs[j].weight->state() != nullptr);
    if (jobs[j].rows == 0) continue;
    const std::int64_t out = jobs[j].weight->out();
    for (std::int64_t o = 0; o < out; o += kTaskOutputs) {
      tasks.push_back({j, o, std::min(out, o + kTaskOutputs)});
    }
  }
  pool.Run(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t index, int) {
    const Task& task = tasks[static_cast<std::size_t>(index)];
    internal::ReferenceMatMul(jobs[task.job], task.out_begin, task.out_end);
  });
}

}  // namespace holdfast::kernels
