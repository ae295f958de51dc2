#include "kernels/weight_arena.h"

#include <cstdint>
#include <utility>

#include <sys/mman.h>

#include "base/check.h"

namespace holdfast::kernels {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kAlignment = 64;

std::size_t RoundUp(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

WeightArena::WeightArena(WeightArena&& other) noexcept
    : slabs_(std::exchange(other.slabs_, {})),
      next_(std::exchange(other.next_, nullptr)),
      left_(std::exchange(other.left_, 0)) {}

WeightArena& WeightArena::operator=(WeightArena&& other) noexcept {
  std::swap(slabs_, other.slabs_);
  std::swap(next_, other.next_);
  std::swap(left_, other.left_);
  return *this;
}

WeightArena::~WeightArena() {
  for (const Slab& slab : slabs_) munmap(slab.data, slab.bytes);
}

std::byte* WeightArena::Allocate(std::size_t bytes) {
  bytes = RoundUp(bytes, kAlignment);
  if (bytes > left_) {
    // One huge page more than needed, to begin at a huge page; untouched pages cost nothing.
    const std::size_t slab_bytes =
        bytes > kSlabBytes / 4 ? RoundUp(bytes, kHugePageBytes) : kSlabBytes;
    const std::size_t mapped = slab_bytes + kHugePageBytes;
    void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK_MSG(memory != MAP_FAILED, "out of memory allocating {} bytes of weights", mapped);
    slabs_.push_back({static_cast<std::byte*>(memory), mapped});
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    std::byte* first = slabs_.back().data + (RoundUp(begin, kHugePageBytes) - begin);
    // Only a hint: without huge pages everything works, slower.
    madvise(first, slab_bytes, MADV_HUGEPAGE);
    if (slab_bytes != kSlabBytes) return first;  // The current slab goes on.
    next_ = first;
    left_ = slab_bytes;
  }
  left_ -= bytes;
  return std::exchange(next_, next_ + bytes);
}

}  // namespace holdfast::kernels
