// GgufWriter: writes a GGUF version 3 file tensor by tensor, in little memory. The header needs
// every tensor's shape and type up front; the bytes follow in that order. The file appears under
// its name when Finish has succeeded, whole and on the disk, or not at all. Single-threaded.
//
//   TRY_ASSIGN(GgufWriter writer, GgufWriter::Create(path, metadata, specs));
//   for (...) TRY(writer.Write(bytes));   // Any number of calls a tensor.
//   TRY(writer.Finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/tensor_view.h"
#include "weights/atomic_file.h"
#include "weights/gguf_format.h"

namespace holdfast::weights {

// A tensor to be written. Its rows are whole blocks of `dtype`.
struct TensorSpec {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;
  tensor::Shape shape;  // Slowest dimension first.

  std::uint64_t Bytes() const { return tensor::TensorView{.dtype = dtype, .shape = shape}.Bytes(); }
};

class GgufWriter {
 public:
  // Errors: kInvalidArgument (a name twice or too long, rows that are not whole blocks, a dtype
  // that GGUF lacks), and those of AtomicFile.
  [[nodiscard]] static Result<GgufWriter> Create(const std::filesystem::path& path,
                                                 const GgufMetadata& metadata,
                                                 std::vector<TensorSpec> specs);

  // The next bytes: of the current tensor, and of the following ones once it is full.
  [[nodiscard]] Result<void> Write(std::span<const std::byte> bytes);

  // kFailedPrecondition names the first tensor whose bytes are not all there.
  [[nodiscard]] Result<void> Finish();

 private:
  GgufWriter(AtomicFile file, std::vector<TensorSpec> specs)
      : file_(std::move(file)), specs_(std::move(specs)) {}
  Result<void> WriteHeader(const GgufMetadata& metadata);
  Result<void> Pad();

  AtomicFile file_;
  std::vector<TensorSpec> specs_;
  std::size_t current_ = 0;          // Tensor being written.
  std::uint64_t current_bytes_ = 0;  // Bytes of it that are there.
};

// Checks what every weight format asks of the list: names unique and within limits, shapes within
// limits, rows of whole blocks.
[[nodiscard]] Result<void> CheckSpecs(const std::vector<TensorSpec>& specs);

}  // namespace holdfast::weights
