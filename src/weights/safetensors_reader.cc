#include "weights/safetensors_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "json/json.h"
#include "weights/limits.h"

namespace holdfast::weights {
namespace {

using tensor::DType;

struct DTypeCode {
  std::string_view name;
  DType dtype;
};
constexpr std::array<DTypeCode, 6> kDTypes{{{"F32", DType::kF32},
                                            {"F16", DType::kF16},
                                            {"BF16", DType::kBF16},
                                            {"F8_E4M3", DType::kF8E4M3},
                                            {"I32", DType::kI32},
                                            {"I64", DType::kI64}}};

std::optional<DType> FindDType(std::string_view name) {
  for (const DTypeCode& code : kDTypes) {
    if (code.name == name) return code.dtype;
  }
  return std::nullopt;
}

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Result<std::uint64_t> ReadUnsigned(const json::Value& value, std::string_view file_name,
                                   std::string_view tensor_name, std::string_view what) {
  boost::system::error_code error;
  const auto number = value.to_number<std::uint64_t>(error);
  if (error) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': {} is not a non-negative integer", file_name,
                tensor_name, what);
  }
  return number;
}

Result<tensor::Shape> ReadShape(const json::Object& entry, std::string_view file_name,
                                std::string_view name) {
  const json::Value* value = json::Find(entry, "shape");
  if (value == nullptr || !value->is_array()) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': shape is not an array", file_name, name);
  }
  const json::Array& dims = value->get_array();
  if (dims.size() > static_cast<std::size_t>(tensor::kMaxRank)) {
    return Fail(ErrorCode::kUnsupported, "{}: tensor '{}': rank {} is over the limit of {}",
                file_name, name, dims.size(), tensor::kMaxRank);
  }
  tensor::Shape shape;
  std::int64_t count = 1;
  for (const json::Value& dim : dims) {
    TRY_ASSIGN(const std::uint64_t size, ReadUnsigned(dim, file_name, name, "a dimension"));
    if (!TakeDim(size, count)) {
      return Fail(ErrorCode::kTooLarge,
                  "{}: tensor '{}': dimension {} is over {} or makes more than {} elements",
                  file_name, name, size, kTensorDimMax, kTensorElementsMax);
    }
    shape.dims[shape.rank++] = static_cast<std::int64_t>(size);
  }
  return shape;
}

Result<Range> ReadRange(const json::Object& entry, std::uint64_t data_bytes,
                        std::string_view file_name, std::string_view name) {
  const json::Value* value = json::Find(entry, "data_offsets");
  if (value == nullptr || !value->is_array() || value->get_array().size() != 2) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': data_offsets is not a pair", file_name,
                name);
  }
  Range range;
  TRY_ASSIGN(range.begin, ReadUnsigned(value->get_array()[0], file_name, name, "an offset"));
  TRY_ASSIGN(range.end, ReadUnsigned(value->get_array()[1], file_name, name, "an offset"));
  if (range.begin > range.end || range.end > data_bytes) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': bytes {}..{} are outside the {} data bytes",
                file_name, name, range.begin, range.end, data_bytes);
  }
  return range;
}

Result<NamedTensor> ReadTensor(std::string_view name, const json::Value& value,
                               std::span<const std::byte> data, std::string_view file_name) {
  if (name.empty() || name.size() > kTensorNameBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: tensor name of {} bytes is outside 1..{}", file_name,
                name.size(), kTensorNameBytesMax);
  }
  if (!value.is_object()) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': entry is not an object", file_name, name);
  }
  const json::Object& entry = value.get_object();
  const json::Value* code = json::Find(entry, "dtype");
  if (code == nullptr || !code->is_string()) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': dtype is not a string", file_name, name);
  }
  const std::optional<DType> dtype = FindDType(code->get_string());
  if (!dtype) {
    return Fail(ErrorCode::kUnsupported,
                "{}: tensor '{}': dtype {} is not one of F32, F16, BF16, "
                "F8_E4M3, I32, I64",
                file_name, name, std::string_view(code->get_string()));
  }
  NamedTensor tensor{.name = std::string(name), .view = {}};
  tensor.view.dtype = *dtype;
  TRY_ASSIGN(tensor.view.shape, ReadShape(entry, file_name, name));
  TRY_ASSIGN(const Range range, ReadRange(entry, data.size(), file_name, name));
  if (range.end - range.begin != tensor.view.Bytes()) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': {} of dtype {} needs {} bytes, has {}",
                file_name, name, tensor.view.shape.ToString(), tensor::DTypeName(*dtype),
                tensor.view.Bytes(), range.end - range.begin);
  }
  tensor.view.data = data.data() + range.begin;
  return tensor;
}

}  // namespace

Result<std::vector<NamedTensor>> ReadSafetensors(std::span<const std::byte> file,
                                                 std::string_view file_name) {
  constexpr std::size_t kLengthBytes = 8;
  if (file.size() < kLengthBytes) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too few for a safetensors header", file_name,
                file.size());
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), kLengthBytes);
  if (header_bytes > kSafetensorsHeaderBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: header of {} bytes is over the limit of {}", file_name,
                header_bytes, kSafetensorsHeaderBytesMax);
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return Fail(ErrorCode::kCorrupt, "{}: header of {} bytes ends after the file of {}", file_name,
                header_bytes, file.size());
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                              header_bytes);
  Result<json::Value> header = json::Parse(
      text, {.text_bytes_max = kSafetensorsHeaderBytesMax, .depth_max = kHeaderJsonDepthMax});
  if (!header)
    return Fail(ErrorCode::kCorrupt, "{}: header: {}", file_name, header.error().message);
  if (!header->is_object()) {
    return Fail(ErrorCode::kCorrupt, "{}: header is not a JSON object", file_name);
  }
  const json::Object& entries = header->get_object();
  if (entries.size() > kTensorCountMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} tensors are over the limit of {}", file_name,
                entries.size(), kTensorCountMax);
  }

  const std::span<const std::byte> data = file.subspan(kLengthBytes + header_bytes);
  std::vector<NamedTensor> tensors;
  tensors.reserve(entries.size());
  for (const auto& [name, value] : entries) {
    if (name == "__metadata__") continue;
    TRY_ASSIGN(NamedTensor tensor, ReadTensor(name, value, data, file_name));
    tensors.push_back(std::move(tensor));
  }
  // Tensors without bytes come before the one that begins at the same place.
  std::sort(tensors.begin(), tensors.end(), [](const NamedTensor& a, const NamedTensor& b) {
    if (a.view.data != b.view.data) return a.view.data < b.view.data;
    return a.view.Bytes() < b.view.Bytes();
  });
  const std::byte* at = data.data();
  for (const NamedTensor& tensor : tensors) {
    if (tensor.view.data != at) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': begins at byte {}, expected {} ({})",
                  file_name, tensor.name, tensor.view.data - data.data(), at - data.data(),
                  tensor.view.data < at ? "overlaps another" : "leaves a hole");
    }
    at += tensor.view.Bytes();
  }
  if (at != data.data() + data.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: {} data bytes belong to no tensor", file_name,
                data.data() + data.size() - at);
  }
  return tensors;
}

}  // namespace holdfast::weights
