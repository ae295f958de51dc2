#include "kernels/matmul.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "kernels/internal/kernel_table.h"
#include "kernels/internal/packed_state.h"
#include "kernels/internal/reference_matmul.h"
#include "kernels/internal/tile_layout.h"
#include "tensor/aligned_buffer.h"

namespace holdfast::kernels {
namespace {

using internal::Kernel;
using internal::kGroupRowsMax;
using internal::kTileRows;

// Below this many values quantizing the activations takes less than waking the workers.
constexpr std::int64_t kSerialValues = 16384;
// Tasks a worker takes on average: enough to even out, few enough to cost nothing.
constexpr std::int64_t kTasksPerWorker = 6;
// Weight bytes under which a task is not cut further.
constexpr std::int64_t kTaskBytesMin = 24 * 1024;
constexpr std::size_t kPanelAlignment = 64;
// Tiles that one pass over the panels multiplies: half of a second-level cache of 1 MiB.
constexpr std::int64_t kChunkBytes = 512 * 1024;

// Rows [first, first + count) of an activation, padded to `size` rows.
struct Group {
  std::int64_t first = 0;
  std::int64_t count = 0;
  int size_index = 0;
  std::size_t panel_at = 0;  // Byte offset in the scratch.
};

// The panels of one x in the form one kind of weight wants; several jobs may share them.
struct Activation {
  const MatMulJob* job = nullptr;
  const Kernel* kernel = nullptr;
  std::size_t group_begin = 0;
  std::size_t group_end = 0;
};

struct Task {
  std::size_t job = 0;
  std::int64_t tile_begin = 0;
  std::int64_t tile_end = 0;
};

// Work lists and panels of one MatMul, kept by the calling thread between calls so that a decode
// step allocates nothing.
struct Scratch {
  std::vector<Activation> activations;
  std::vector<std::size_t> activation_of_job;
  std::vector<Group> groups;
  std::vector<std::size_t> activation_of_group;
  std::vector<Task> tasks;
  tensor::AlignedBuffer<std::byte> panels;
};

const PackedMatrix::State& StateOf(const MatMulJob& job) { return *job.weight->state(); }

bool SameActivation(const Activation& activation, const MatMulJob& job, const Kernel& kernel) {
  const MatMulJob& other = *activation.job;
  return other.x == job.x && other.x_stride == job.x_stride && other.rows == job.rows &&
         other.row_index == job.row_index && StateOf(other).in == StateOf(job).in &&
         activation.kernel->make_panel == kernel.make_panel &&
         StateOf(other).units == StateOf(job).units;
}

// The group to cut from `left` rows: the largest that they fill, or the next one if that leaves but
// one row of padding, which costs less than another pass over the weights. A lone row stays alone.
int ChooseGroupSize(const internal::KernelTable& table, std::int64_t left) {
  int index = 0;
  while (index + 1 < table.group_size_count) {
    const std::int64_t next = table.group_sizes[static_cast<std::size_t>(index) + 1];
    if (next > left && (next > left + 1 || left < 3)) break;
    ++index;
  }
  return index;
}

std::size_t AppendGroups(const MatMulJob& job, const Kernel& kernel, std::size_t panel_at,
                         std::vector<Group>& groups) {
  const internal::KernelTable& table = *StateOf(job).table;
  for (std::int64_t first = 0; first < job.rows;) {
    const std::int64_t left = job.rows - first;
    const int index = ChooseGroupSize(table, left);
    const std::int64_t size = table.group_sizes[index];
    groups.push_back({first, std::min(left, size), index, panel_at});
    const std::size_t bytes =
        static_cast<std::size_t>(size * StateOf(job).units) * kernel.panel_unit_bytes;
    panel_at += (bytes + kPanelAlignment - 1) / kPanelAlignment * kPanelAlignment;
    first += size;
  }
  return panel_at;
}

void PlanActivations(std::span<const MatMulJob> jobs, Scratch& scratch) {
  scratch.activations.clear();
  scratch.activation_of_job.clear();
  scratch.groups.clear();
  scratch.activation_of_group.clear();
  std::size_t panel_bytes = 0;
  for (const MatMulJob& job : jobs) {
    CHECK(job.weight != nullptr && job.weight->state() != nullptr && job.rows >= 0);
    const PackedMatrix::State& state = StateOf(job);
    if (state.table == nullptr || job.rows == 0) {
      scratch.activation_of_job.push_back(0);
      continue;
    }
    const Kernel& kernel = state.table->For(state.view.dtype);
    // Jobs of one x come side by side: gate and up, or the projections of one hidden state.
    constexpr std::size_t kLookBack = 4;
    std::size_t found = scratch.activations.size();
    const std::size_t oldest = found > kLookBack ? found - kLookBack : 0;
    for (std::size_t i = oldest; i < scratch.activations.size(); ++i) {
      if (SameActivation(scratch.activations[i], job, kernel)) found = i;
    }
    if (found == scratch.activations.size()) {
      Activation activation{&job, &kernel, scratch.groups.size(), 0};
      panel_bytes = AppendGroups(job, kernel, panel_bytes, scratch.groups);
      activation.group_end = scratch.groups.size();
      scratch.activations.push_back(activation);
      scratch.activation_of_group.resize(scratch.groups.size(), found);
    }
    scratch.activation_of_job.push_back(found);
  }
  if (scratch.panels.size() < panel_bytes) {
    scratch.panels = tensor::AlignedBuffer<std::byte>(panel_bytes + panel_bytes / 4);
  }
}

void FillPanel(const Activation& activation, const Group& group, std::byte* panels) {
  const MatMulJob& job = *activation.job;
  std::array<const float*, kGroupRowsMax> rows;
  for (std::int64_t i = 0; i < group.count; ++i) {
    const std::int64_t t = group.first + i;
    rows[static_cast<std::size_t>(i)] =
        job.x + (job.row_index != nullptr ? job.row_index[t] : t) * job.x_stride;
  }
  const PackedMatrix::State& state = StateOf(job);
  activation.kernel->make_panel({.rows = rows.data(),
                                 .count = group.count,
                                 .group_rows = state.table->group_sizes[group.size_index],
                                 .columns = state.in,
                                 .units = state.units,
                                 .panel = panels + group.panel_at});
}

void FillPanels(Scratch& scratch, parallel::ThreadPool& pool) {
  std::int64_t values = 0;
  for (const Activation& activation : scratch.activations) {
    values += activation.job->rows * StateOf(*activation.job).in;
  }
  auto fill = [&](std::int64_t index, int) {
    const auto at = static_cast<std::size_t>(index);
    FillPanel(scratch.activations[scratch.activation_of_group[at]], scratch.groups[at],
              scratch.panels.data());
  };
  const auto count = static_cast<std::int64_t>(scratch.groups.size());
  if (values <= kSerialValues) {
    for (std::int64_t index = 0; index < count; ++index) fill(index, 0);
  } else {
    pool.Run(count, fill);
  }
}

void PlanTasks(std::span<const MatMulJob> jobs, int workers, std::vector<Task>& tasks) {
  tasks.clear();
  // Work is weight bytes times rows, with a floor for the reading of the weights themselves.
  const auto work_of_tile = [](const MatMulJob& job) {
    const auto bytes = static_cast<std::int64_t>(StateOf(job).bytes);
    return bytes / ((job.weight->out() + kTileRows - 1) / kTileRows) * (job.rows + 3);
  };
  std::int64_t total = 0;
  for (const MatMulJob& job : jobs) {
    total += work_of_tile(job) * ((job.weight->out() + kTileRows - 1) / kTileRows);
  }
  const std::int64_t share = total / (workers * kTasksPerWorker);
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const MatMulJob& job = jobs[j];
    if (job.rows == 0) continue;
    const std::int64_t tiles = (job.weight->out() + kTileRows - 1) / kTileRows;
    const std::int64_t work = std::max<std::int64_t>(1, work_of_tile(job));
    const std::int64_t step =
        std::clamp<std::int64_t>(std::max(share, kTaskBytesMin * (job.rows + 3)) / work, 1, tiles);
    for (std::int64_t tile = 0; tile < tiles; tile += step) {
      tasks.push_back({j, tile, std::min(tiles, tile + step)});
    }
  }
}

void RunTask(const MatMulJob& job, const Task& task, const Scratch& scratch) {
  const PackedMatrix::State& state = StateOf(job);
  if (state.table == nullptr) {
    internal::ReferenceMatMul(job, task.tile_begin * kTileRows,
                              std::min(state.out, task.tile_end * kTileRows));
    return;
  }
  const Activation& activation = scratch.activations[scratch.activation_of_job[task.job]];
  const Kernel& kernel = state.table->For(state.view.dtype);
  const auto multiply = [&](std::int64_t tile, const Group& group) {
    kernel.products[group.size_index](
        {.tile = state.tiles + static_cast<std::size_t>(tile) * state.tile_bytes,
         .panel = scratch.panels.data() + group.panel_at,
         .units = state.units,
         .y = job.y + group.first * job.y_stride + tile * kTileRows,
         .y_stride = job.y_stride,
         .rows = group.count,
         .outputs = std::min(kTileRows, state.out - tile * kTileRows)});
  };
  // A panel stays in the first-level cache while the tiles of a chunk pass from the second.
  const auto chunk =
      std::max<std::int64_t>(1, kChunkBytes / static_cast<std::int64_t>(state.tile_bytes));
  for (std::int64_t begin = task.tile_begin; begin < task.tile_end; begin += chunk) {
    const std::int64_t end = std::min(task.tile_end, begin + chunk);
    for (std::size_t g = activation.group_begin; g < activation.group_end; ++g) {
      for (std::int64_t tile = begin; tile < end; ++tile) multiply(tile, scratch.groups[g]);
    }
  }
}

}  // namespace

void MatMul(std::span<const MatMulJob> jobs, parallel::ThreadPool& pool) {
  thread_local Scratch scratch;
  Scratch& lists = scratch;  // Workers use the caller's.
  PlanActivations(jobs, lists);
  FillPanels(lists, pool);
  PlanTasks(jobs, pool.worker_count(), lists.tasks);
  pool.Run(static_cast<std::int64_t>(lists.tasks.size()), [&](std::int64_t index, int) {
    const Task& task = lists.tasks[static_cast<std::size_t>(index)];
    RunTask(jobs[task.job], task, lists);
  });
}

}  // namespace holdfast::kernels
