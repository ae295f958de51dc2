// SafetensorsWriter: writes a safetensors file tensor by tensor, in little memory; like GgufWriter,
// with the same promise of all or nothing. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "weights/atomic_file.h"
#include "weights/gguf_writer.h"

namespace holdfast::weights {

// Puts wider elements first (order kept otherwise), which aligns every tensor: the format has no
// padding between tensors.
void SortForSafetensors(std::vector<TensorSpec>& specs);

// Bytes that `specs` make as one file, header included; an upper bound within 200 bytes a tensor.
std::uint64_t SafetensorsBytes(const std::vector<TensorSpec>& specs);

class SafetensorsWriter {
 public:
  // Errors: kInvalidArgument (as CheckSpecs; a dtype that safetensors lacks; specs not in an order
  // that aligns them), and those of AtomicFile.
  [[nodiscard]] static Result<SafetensorsWriter> Create(const std::filesystem::path& path,
                                                        const std::vector<TensorSpec>& specs);

  // The next bytes: of the current tensor, and of the following ones once it is full.
  [[nodiscard]] Result<void> Write(std::span<const std::byte> bytes);

  // kFailedPrecondition when bytes are missing.
  [[nodiscard]] Result<void> Finish();

 private:
  SafetensorsWriter(AtomicFile file, std::uint64_t bytes_missing)
      : file_(std::move(file)), bytes_missing_(bytes_missing) {}

  AtomicFile file_;
  std::uint64_t bytes_missing_;
};

}  // namespace holdfast::weights
