// Encodes the tensors of a plan, chunk by chunk on the pool's workers, and hands the bytes on in
// order. Knows nothing of files. Called by one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "convert/plan.h"
#include "parallel/thread_pool.h"

namespace holdfast::convert {

// A fingerprint of bytes, to compare what was written with what is read back; not for security.
class Fingerprint {
 public:
  // The same whatever pieces the bytes come in.
  void Add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  void AddWord(std::uint64_t word);

  std::uint64_t state_ = 0;
  std::array<std::byte, 8> pending_{};  // Bytes of an unfinished word.
  std::size_t pending_count_ = 0;
};

// Calls `write` with the tensor's bytes, in order, in pieces. Returns their fingerprint.
[[nodiscard]] Result<Fingerprint> StreamTensor(
    const OutputTensor& output, parallel::ThreadPool& pool,
    const std::function<Result<void>(std::span<const std::byte>)>& write);

}  // namespace holdfast::convert
