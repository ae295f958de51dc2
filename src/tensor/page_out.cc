#include "tensor/page_out.h"

#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

namespace holdfast::tensor {

void PageOut(std::span<const std::byte> bytes) {
  // Whole pages only: a neighbour may still be in use. MADV_DONTNEED would be cheaper, but it
  // forgets what anonymous memory holds.
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto* const data = const_cast<std::byte*>(bytes.data());  // The advice changes no byte.
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + bytes.size()) / page * page;
  if (begin >= end) return;
  // A kernel that knows no such hint keeps the pages, which is what a hint may come to.
  ::madvise(data + (begin - address), end - begin, MADV_PAGEOUT);
}

}  // namespace holdfast::tensor
