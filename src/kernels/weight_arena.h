// WeightArena: memory for packed weights, in slabs of huge pages. One model's thousands of matrices
// lie side by side, so a decode step that reads them all misses the TLB a few hundred times instead
// of some ten thousand. Memory is freed with the arena, never piece by piece.
// Owner: whoever owns the packed matrices, and for longer. Single-threaded.
#pragma once

#include <cstddef>
#include <vector>

namespace holdfast::kernels {

class WeightArena {
 public:
  static constexpr std::size_t kSlabBytes = std::size_t{64} << 20;

  WeightArena() = default;
  WeightArena(WeightArena&& other) noexcept;
  WeightArena& operator=(WeightArena&& other) noexcept;
  ~WeightArena();

  // Zero-filled, 64-byte aligned. Larger pieces than a slab get one of their own.
  std::byte* Allocate(std::size_t bytes);

 private:
  struct Slab {
    std::byte* data;
    std::size_t bytes;
  };
  std::vector<Slab> slabs_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace holdfast::kernels
