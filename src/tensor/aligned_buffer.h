// AlignedBuffer<T>: a fixed array of trivial T, 64-byte aligned (one AVX-512 register, one cache
// line), zero-filled; the pages of a large one come from the system when first touched, so an
// unused part costs nothing. Move-only owner; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <type_traits>

#include <sys/mman.h>

#include "base/check.h"

namespace holdfast::tensor {

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t count) : count_(count) {
    if (count == 0) return;
    const std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    void* memory = nullptr;
    if (bytes >= kMappedBytesMin) {
      memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) memory = nullptr;
    } else {
      memory = std::aligned_alloc(kAlignment, bytes);
      if (memory != nullptr) std::memset(memory, 0, bytes);
    }
    CHECK_MSG(memory != nullptr, "out of memory allocating {} bytes", bytes);
    data_ = std::unique_ptr<T, Free>(static_cast<T*>(memory), Free{bytes});
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + count_; }

 private:
  // From here on fresh zero pages of the system beat the allocator's recycled ones.
  static constexpr std::size_t kMappedBytesMin = 1 << 20;

  struct Free {
    std::size_t bytes = 0;
    void operator()(T* pointer) const {
      if (bytes >= kMappedBytesMin) {
        ::munmap(static_cast<void*>(pointer), bytes);
      } else {
        std::free(pointer);
      }
    }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t count_ = 0;
};

}  // namespace holdfast::tensor
