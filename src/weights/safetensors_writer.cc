#include "weights/safetensors_writer.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/check.h"
#include "json/json.h"

namespace holdfast::weights {
namespace {

using tensor::DType;

std::optional<std::string_view> DTypeCode(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kF8E4M3:
      return "F8_E4M3";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
    default:
      return std::nullopt;
  }
}

}  // namespace

void SortForSafetensors(std::vector<TensorSpec>& specs) {
  std::stable_sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) {
    return tensor::BlockBytes(a.dtype) > tensor::BlockBytes(b.dtype);
  });
}

std::uint64_t SafetensorsBytes(const std::vector<TensorSpec>& specs) {
  std::uint64_t bytes = 64;
  for (const TensorSpec& spec : specs) bytes += spec.Bytes() + spec.name.size() + 200;
  return bytes;
}

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::filesystem::path& path,
                                                    const std::vector<TensorSpec>& specs) {
  TRY(CheckSpecs(specs));
  json::Object header;
  header["__metadata__"] = json::Object{{"format", "pt"}};
  std::uint64_t at = 0;
  for (const TensorSpec& spec : specs) {
    const std::optional<std::string_view> code = DTypeCode(spec.dtype);
    if (!code || at % tensor::BlockBytes(spec.dtype) != 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "tensor '{}': {} is not a dtype of safetensors or not aligned at byte {}",
                  spec.name, tensor::DTypeName(spec.dtype), at);
    }
    json::Array shape;
    for (int i = 0; i < spec.shape.rank; ++i) shape.push_back(spec.shape[i]);
    header[spec.name] = {
        {"dtype", *code}, {"shape", std::move(shape)}, {"data_offsets", {at, at + spec.Bytes()}}};
    at += spec.Bytes();
  }
  std::string text = json::Write(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_bytes = text.size();
  TRY_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  TRY(file.Write(std::as_bytes(std::span(&header_bytes, 1))));
  TRY(file.Write(text));
  return SafetensorsWriter(std::move(file), at);
}

Result<void> SafetensorsWriter::Write(std::span<const std::byte> bytes) {
  CHECK_MSG(bytes.size() <= bytes_missing_, "{}: bytes after the last tensor",
            file_.path().string());
  bytes_missing_ -= bytes.size();
  return file_.Write(bytes);
}

Result<void> SafetensorsWriter::Finish() {
  if (bytes_missing_ != 0) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: {} bytes of tensors are missing",
                file_.path().string(), bytes_missing_);
  }
  return file_.Commit();
}

}  // namespace holdfast::weights
