#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include <sys/mman.h>
#include <unistd.h>

#include "kernels/internal/packed_state.h"
#include "kernels/internal/tile_layout.h"
#include "kernels/matmul.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;
using tensor::TensorView;

Result<void> CheckShape(const TensorView& weight) {
  if (weight.dtype == DType::kI32 || weight.dtype == DType::kI64) {
    return Fail(ErrorCode::kUnsupported, "no matrix product for weights of type {}",
                tensor::DTypeName(weight.dtype));
  }
  const auto block = static_cast<std::int64_t>(tensor::BlockElements(weight.dtype));
  if (weight.shape.rank == 0 || weight.Cols() <= 0 || weight.Rows() <= 0 ||
      weight.Cols() % block != 0) {
    return Fail(ErrorCode::kUnsupported, "no matrix product for a {} weight of shape {}",
                tensor::DTypeName(weight.dtype), weight.shape.ToString());
  }
  return {};
}

// E4M3 has one magnitude that is no number; the kernels' decoding has no place for it.
bool HasNanF8(const TensorView& weight, std::int64_t first_row, std::int64_t end_row) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(weight.Row(first_row));
  const auto* end = reinterpret_cast<const std::uint8_t*>(weight.Row(end_row));
  return std::any_of(bytes, end, [](std::uint8_t byte) { return (byte & 0x7F) == 0x7F; });
}

// The stored form is not needed soon: its pages, if they are a file's, may go first when memory
// runs short. Unlike MADV_DONTNEED this is harmless for any other memory.
void AdviseCold(const TensorView& weight) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* const data = const_cast<std::byte*>(weight.data);  // The advice changes no byte.
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + weight.Bytes()) / page * page;
  if (first < last) madvise(data + (first - begin), last - first, MADV_COLD);
}

}  // namespace

PackedMatrix::PackedMatrix() = default;
PackedMatrix::PackedMatrix(PackedMatrix&&) noexcept = default;
PackedMatrix& PackedMatrix::operator=(PackedMatrix&&) noexcept = default;
PackedMatrix::~PackedMatrix() = default;

std::int64_t PackedMatrix::out() const { return state_ ? state_->out : 0; }
std::int64_t PackedMatrix::in() const { return state_ ? state_->in : 0; }
std::size_t PackedMatrix::bytes() const { return state_ ? state_->bytes : 0; }

Result<PackedMatrix> PackedMatrix::Pack(const TensorView& weight, const PackOptions& options,
                                        parallel::ThreadPool& pool) {
  return internal::PackFor(weight, options.reference ? nullptr : internal::BestTable(),
                           options.arena, pool);
}

namespace internal {

Result<PackedMatrix> PackFor(const TensorView& weight, const KernelTable* table, WeightArena* arena,
                             parallel::ThreadPool& pool) {
  TRY(CheckShape(weight));
  PackedMatrix packed;
  packed.state_ = std::make_unique<PackedMatrix::State>();
  PackedMatrix::State& state = *packed.state_;
  state.out = weight.Rows();
  state.in = weight.Cols();
  state.view = weight;
  state.bytes = weight.Bytes();
  if (table == nullptr) return packed;

  state.table = table;
  state.units = UnitCount(weight.dtype, state.in);
  state.tile_bytes = TileBytes(weight.dtype, state.in);
  const std::int64_t tiles = (state.out + kTileRows - 1) / kTileRows;
  state.bytes = state.tile_bytes * static_cast<std::size_t>(tiles);
  if (arena == nullptr) state.own_tiles = tensor::AlignedBuffer<std::byte>(state.bytes);
  std::byte* memory = arena == nullptr ? state.own_tiles.data() : arena->Allocate(state.bytes);
  state.tiles = memory;
  std::atomic<bool> has_nan{false};
  // A few tiles a task, so that starting it costs little beside its bytes.
  constexpr std::int64_t kTaskTiles = 4;
  pool.Run((tiles + kTaskTiles - 1) / kTaskTiles, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(tiles, (task + 1) * kTaskTiles);
    for (std::int64_t tile = task * kTaskTiles; tile < end; ++tile) {
      if (weight.dtype == DType::kF8E4M3 &&
          HasNanF8(weight, tile * kTileRows, std::min(state.out, (tile + 1) * kTileRows))) {
        has_nan = true;
      }
      PackTile(weight, tile, memory + static_cast<std::size_t>(tile) * state.tile_bytes);
    }
  });
  if (has_nan) return Fail(ErrorCode::kCorrupt, "NaN in a {} weight", weight.shape.ToString());
  AdviseCold(weight);
  state.view.data = nullptr;
  return packed;
}

}  // namespace internal
}  // namespace holdfast::kernels
