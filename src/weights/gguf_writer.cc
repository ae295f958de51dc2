#include "weights/gguf_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "base/check.h"
#include "weights/limits.h"

namespace holdfast::weights {
namespace {

class HeaderBytes {
 public:
  template <typename T>
  void Add(T value) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    text_.append(bytes.data(), bytes.size());
  }
  void AddString(std::string_view text) {
    Add(static_cast<std::uint64_t>(text.size()));
    text_.append(text);
  }
  void AddType(GgufType type) { Add(static_cast<std::uint32_t>(type)); }
  void PadTo(std::uint64_t alignment) {
    text_.resize((text_.size() + alignment - 1) / alignment * alignment, '\0');
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void AddInteger(HeaderBytes& header, GgufType type, std::int64_t value) {
  switch (GgufScalarBytes(type)) {
    case 1:
      return header.Add(static_cast<std::int8_t>(value));
    case 2:
      return header.Add(static_cast<std::int16_t>(value));
    case 4:
      return header.Add(static_cast<std::int32_t>(value));
    default:
      return header.Add(value);
  }
}

void AddFloat(HeaderBytes& header, GgufType type, double value) {
  if (type == GgufType::kF32) return header.Add(static_cast<float>(value));
  header.Add(value);
}

void AddArray(HeaderBytes& header, const GgufArray& array) {
  header.AddType(array.element);
  const std::size_t count =
      std::max({array.strings.size(), array.floats.size(), array.integers.size()});
  header.Add(static_cast<std::uint64_t>(count));
  for (const std::string& text : array.strings) header.AddString(text);
  for (double value : array.floats) AddFloat(header, array.element, value);
  for (std::int64_t value : array.integers) AddInteger(header, array.element, value);
}

void AddValue(HeaderBytes& header, const GgufValue& value) {
  header.AddType(value.type);
  if (const auto* text = std::get_if<std::string>(&value.value)) return header.AddString(*text);
  if (const auto* array = std::get_if<GgufArray>(&value.value)) return AddArray(header, *array);
  if (const auto* flag = std::get_if<bool>(&value.value)) {
    return header.Add(static_cast<std::uint8_t>(*flag));
  }
  if (const auto* number = std::get_if<double>(&value.value)) {
    return AddFloat(header, value.type, *number);
  }
  AddInteger(header, value.type, std::get<std::int64_t>(value.value));
}

std::uint64_t Padding(std::uint64_t bytes) {
  return (kGgufAlignmentDefault - bytes % kGgufAlignmentDefault) % kGgufAlignmentDefault;
}

}  // namespace

Result<void> CheckSpecs(const std::vector<TensorSpec>& specs) {
  std::unordered_set<std::string_view> names;
  for (const TensorSpec& spec : specs) {
    if (spec.name.empty() || spec.name.size() > kTensorNameBytesMax ||
        !names.insert(spec.name).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  "tensor name '{}' is there twice or not of 1..{} bytes", spec.name,
                  kTensorNameBytesMax);
    }
    std::int64_t count = 1;
    for (int i = 0; i < spec.shape.rank; ++i) {
      const std::int64_t dim = spec.shape[i];
      if (dim < 1 || dim > kTensorDimMax || dim > kTensorElementsMax / count) {
        return Fail(ErrorCode::kInvalidArgument, "tensor '{}': shape {} is outside the limits",
                    spec.name, spec.shape.ToString());
      }
      count *= dim;
    }
    const auto block = static_cast<std::int64_t>(tensor::BlockElements(spec.dtype));
    const std::int64_t cols = spec.shape.rank == 0 ? 1 : spec.shape[spec.shape.rank - 1];
    if (cols % block != 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "tensor '{}': rows of {} are not whole blocks of {} ({})", spec.name, cols, block,
                  tensor::DTypeName(spec.dtype));
    }
  }
  return {};
}

Result<GgufWriter> GgufWriter::Create(const std::filesystem::path& path,
                                      const GgufMetadata& metadata, std::vector<TensorSpec> specs) {
  TRY(CheckSpecs(specs));
  for (const TensorSpec& spec : specs) {
    if (!GgufTensorTypeId(spec.dtype) || spec.shape.rank == 0) {
      return Fail(ErrorCode::kInvalidArgument, "tensor '{}': GGUF has no {} of rank {}", spec.name,
                  tensor::DTypeName(spec.dtype), spec.shape.rank);
    }
  }
  TRY_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  GgufWriter writer(std::move(file), std::move(specs));
  TRY(writer.WriteHeader(metadata));
  return writer;
}

Result<void> GgufWriter::WriteHeader(const GgufMetadata& metadata) {
  HeaderBytes header;
  for (char letter : kGgufMagic) header.Add(letter);
  header.Add(kGgufVersion);
  header.Add(static_cast<std::uint64_t>(specs_.size()));
  header.Add(static_cast<std::uint64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    header.AddString(key);
    AddValue(header, value);
  }
  std::uint64_t offset = 0;
  for (const TensorSpec& spec : specs_) {
    header.AddString(spec.name);
    header.Add(static_cast<std::uint32_t>(spec.shape.rank));
    for (int i = spec.shape.rank - 1; i >= 0; --i) {
      header.Add(static_cast<std::uint64_t>(spec.shape[i]));
    }
    header.Add(*GgufTensorTypeId(spec.dtype));
    header.Add(offset);
    offset += spec.Bytes() + Padding(spec.Bytes());
  }
  header.PadTo(kGgufAlignmentDefault);
  return file_.Write(header.text());
}

Result<void> GgufWriter::Pad() {
  constexpr std::array<std::byte, kGgufAlignmentDefault> kZeros{};
  return file_.Write(std::span(kZeros).first(Padding(specs_[current_].Bytes())));
}

Result<void> GgufWriter::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    CHECK_MSG(current_ < specs_.size(), "{}: bytes after the last tensor", file_.path().string());
    const std::uint64_t missing = specs_[current_].Bytes() - current_bytes_;
    const std::size_t part = std::min<std::uint64_t>(missing, bytes.size());
    TRY(file_.Write(bytes.first(part)));
    bytes = bytes.subspan(part);
    current_bytes_ += part;
    if (part == missing) {
      TRY(Pad());
      ++current_;
      current_bytes_ = 0;
    }
  }
  return {};
}

Result<void> GgufWriter::Finish() {
  if (current_ != specs_.size()) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: tensor '{}' has {} of {} bytes",
                file_.path().string(), specs_[current_].name, current_bytes_,
                specs_[current_].Bytes());
  }
  return file_.Commit();
}

}  // namespace holdfast::weights
