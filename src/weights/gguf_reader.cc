#include "weights/gguf_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_set>
#include <utility>

#include "weights/limits.h"

namespace holdfast::weights {
namespace {

constexpr std::string_view kAlignmentKey = "general.alignment";

// Walks the header; every read is checked against the end of the file.
class Cursor {
 public:
  Cursor(std::span<const std::byte> file, std::string_view file_name)
      : file_(file), file_name_(file_name) {}

  template <typename T>
  Result<T> Read(std::string_view what) {
    TRY(Need(sizeof(T), what));
    T value;
    std::memcpy(&value, file_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  Result<std::string> ReadString(std::uint64_t bytes_max, std::string_view what) {
    TRY_ASSIGN(const std::uint64_t bytes, Read<std::uint64_t>(what));
    if (bytes > bytes_max) {
      return Fail(ErrorCode::kTooLarge, "{}: {} of {} bytes is over the limit of {}", file_name_,
                  what, bytes, bytes_max);
    }
    TRY(Need(bytes, what));
    std::string text(reinterpret_cast<const char*>(file_.data()) + at_, bytes);
    at_ += bytes;
    return text;
  }

  Result<void> Need(std::uint64_t bytes, std::string_view what) const {
    if (bytes <= file_.size() - at_) return {};
    return Fail(ErrorCode::kCorrupt, "{}: ends inside {}", file_name_, what);
  }

  std::uint64_t at() const { return at_; }
  std::string_view file_name() const { return file_name_; }

 private:
  std::span<const std::byte> file_;
  std::string_view file_name_;
  std::uint64_t at_ = 0;
};

bool IsFloat(GgufType type) { return type == GgufType::kF32 || type == GgufType::kF64; }

Result<double> ReadFloat(Cursor& cursor, GgufType type, std::string_view what) {
  if (type == GgufType::kF64) return cursor.Read<double>(what);
  TRY_ASSIGN(const float value, cursor.Read<float>(what));
  return double{value};
}

Result<std::int64_t> ReadInteger(Cursor& cursor, GgufType type, std::string_view what) {
  const auto widen = [](auto result) -> Result<std::int64_t> {
    if (!result) return Fail(result.error());
    return static_cast<std::int64_t>(*result);
  };
  switch (type) {
    case GgufType::kU8:
    case GgufType::kBool:
      return widen(cursor.Read<std::uint8_t>(what));
    case GgufType::kI8:
      return widen(cursor.Read<std::int8_t>(what));
    case GgufType::kU16:
      return widen(cursor.Read<std::uint16_t>(what));
    case GgufType::kI16:
      return widen(cursor.Read<std::int16_t>(what));
    case GgufType::kU32:
      return widen(cursor.Read<std::uint32_t>(what));
    case GgufType::kI32:
      return widen(cursor.Read<std::int32_t>(what));
    case GgufType::kI64:
      return cursor.Read<std::int64_t>(what);
    default:
      break;
  }
  TRY_ASSIGN(const std::uint64_t value, cursor.Read<std::uint64_t>(what));
  if (value > INT64_MAX) {
    return Fail(ErrorCode::kTooLarge, "{}: {} is {}, over the limit of 2^63 - 1",
                cursor.file_name(), what, value);
  }
  return static_cast<std::int64_t>(value);
}

Result<GgufType> ReadType(Cursor& cursor, std::string_view what) {
  TRY_ASSIGN(const std::uint32_t id, cursor.Read<std::uint32_t>(what));
  if (id >= kGgufTypeCount) {
    return Fail(ErrorCode::kCorrupt, "{}: {} has unknown value type {}", cursor.file_name(), what,
                id);
  }
  return static_cast<GgufType>(id);
}

Result<GgufArray> ReadArray(Cursor& cursor, std::string_view what) {
  GgufArray array;
  TRY_ASSIGN(array.element, ReadType(cursor, what));
  if (array.element == GgufType::kArray) {
    return Fail(ErrorCode::kUnsupported, "{}: {} nests arrays, over the depth limit of 1",
                cursor.file_name(), what);
  }
  TRY_ASSIGN(const std::uint64_t count, cursor.Read<std::uint64_t>(what));
  if (count > kGgufArrayCountMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} has {} elements, over the limit of {}",
                cursor.file_name(), what, count, kGgufArrayCountMax);
  }
  // A string takes at least the 8 bytes of its length, so memory stays in proportion to the file.
  const std::size_t element_bytes =
      array.element == GgufType::kString ? 8 : GgufScalarBytes(array.element);
  TRY(cursor.Need(count * element_bytes, what));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (array.element == GgufType::kString) {
      TRY_ASSIGN(std::string text, cursor.ReadString(kGgufStringBytesMax, what));
      array.strings.push_back(std::move(text));
    } else if (IsFloat(array.element)) {
      TRY_ASSIGN(const double value, ReadFloat(cursor, array.element, what));
      array.floats.push_back(value);
    } else {
      TRY_ASSIGN(const std::int64_t value, ReadInteger(cursor, array.element, what));
      array.integers.push_back(value);
    }
  }
  return array;
}

Result<GgufValue> ReadValue(Cursor& cursor, std::string_view what) {
  GgufValue value;
  TRY_ASSIGN(value.type, ReadType(cursor, what));
  if (value.type == GgufType::kString) {
    TRY_ASSIGN(value.value, cursor.ReadString(kGgufStringBytesMax, what));
  } else if (value.type == GgufType::kArray) {
    TRY_ASSIGN(value.value, ReadArray(cursor, what));
  } else if (IsFloat(value.type)) {
    TRY_ASSIGN(value.value, ReadFloat(cursor, value.type, what));
  } else {
    TRY_ASSIGN(const std::int64_t number, ReadInteger(cursor, value.type, what));
    if (value.type != GgufType::kBool) {
      value.value = number;
    } else if (number <= 1) {
      value.value = number == 1;
    } else {
      return Fail(ErrorCode::kCorrupt, "{}: {} is a bool of value {}", cursor.file_name(), what,
                  number);
    }
  }
  return value;
}

Result<GgufMetadata> ReadMetadata(Cursor& cursor, std::uint64_t count) {
  GgufMetadata metadata;
  std::unordered_set<std::string> keys;
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(std::string key, cursor.ReadString(kGgufKeyBytesMax, "a metadata key"));
    if (key.empty() || !keys.insert(key).second) {
      return Fail(ErrorCode::kCorrupt, "{}: metadata key '{}' is empty or there twice",
                  cursor.file_name(), key);
    }
    TRY_ASSIGN(GgufValue value, ReadValue(cursor, fmt::format("metadata '{}'", key)));
    metadata.emplace_back(std::move(key), std::move(value));
  }
  return metadata;
}

struct TensorEntry {
  NamedTensor tensor;
  std::uint64_t offset = 0;
};

Result<tensor::Shape> ReadShape(Cursor& cursor, std::string_view what) {
  TRY_ASSIGN(const std::uint32_t rank, cursor.Read<std::uint32_t>(what));
  if (rank == 0 || rank > static_cast<std::uint32_t>(tensor::kMaxRank)) {
    return Fail(ErrorCode::kUnsupported, "{}: {} has rank {}, outside 1..{}", cursor.file_name(),
                what, rank, tensor::kMaxRank);
  }
  tensor::Shape shape;
  shape.rank = static_cast<int>(rank);
  std::int64_t count = 1;
  for (int i = shape.rank - 1; i >= 0; --i) {  // Stored fastest dimension first.
    TRY_ASSIGN(const std::uint64_t dim, cursor.Read<std::uint64_t>(what));
    if (!TakeDim(dim, count)) {
      return Fail(ErrorCode::kTooLarge,
                  "{}: {}: dimension {} is over {} or makes more than {} elements",
                  cursor.file_name(), what, dim, kTensorDimMax, kTensorElementsMax);
    }
    shape.dims[i] = static_cast<std::int64_t>(dim);
  }
  return shape;
}

Result<TensorEntry> ReadTensorEntry(Cursor& cursor, std::uint64_t alignment) {
  TensorEntry entry;
  TRY_ASSIGN(entry.tensor.name, cursor.ReadString(kTensorNameBytesMax, "a tensor name"));
  const std::string what = fmt::format("tensor '{}'", entry.tensor.name);
  tensor::TensorView& view = entry.tensor.view;
  TRY_ASSIGN(view.shape, ReadShape(cursor, what));
  TRY_ASSIGN(const std::uint32_t type, cursor.Read<std::uint32_t>(what));
  const std::optional<tensor::DType> dtype = DTypeOfGgufTensorType(type);
  if (!dtype) {
    return Fail(ErrorCode::kUnsupported,
                "{}: {} has type {} ({}), which is not one of f32, f16, "
                "bf16, q8_0, q4_0, q4_k, q5_k, q6_k, i32, i64",
                cursor.file_name(), what, type, GgufTensorTypeName(type));
  }
  view.dtype = *dtype;
  if (view.Cols() % static_cast<std::int64_t>(tensor::BlockElements(*dtype)) != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: {}: rows of {} are not whole blocks of {} ({})",
                cursor.file_name(), what, view.Cols(), tensor::BlockElements(*dtype),
                tensor::DTypeName(*dtype));
  }
  TRY_ASSIGN(entry.offset, cursor.Read<std::uint64_t>(what));
  if (entry.offset % alignment != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: {}: offset {} is not a multiple of the alignment {}",
                cursor.file_name(), what, entry.offset, alignment);
  }
  return entry;
}

Result<std::uint64_t> Alignment(const GgufMetadata& metadata, std::string_view file_name) {
  const GgufValue* value = FindValue(metadata, kAlignmentKey);
  if (value == nullptr) return kGgufAlignmentDefault;
  const auto* number = std::get_if<std::int64_t>(&value->value);
  if (number == nullptr || *number < 8 || *number > static_cast<std::int64_t>(kGgufAlignmentMax) ||
      !std::has_single_bit(static_cast<std::uint64_t>(*number))) {
    return Fail(ErrorCode::kCorrupt, "{}: {} is not a power of two in 8..{}", file_name,
                kAlignmentKey, kGgufAlignmentMax);
  }
  return static_cast<std::uint64_t>(*number);
}

// Ranges must lie in the file's data part and not overlap.
Result<void> CheckRanges(const std::vector<TensorEntry>& entries, std::uint64_t data_bytes,
                         std::string_view file_name) {
  std::vector<const TensorEntry*> order;
  order.reserve(entries.size());
  for (const TensorEntry& entry : entries) order.push_back(&entry);
  // Tensors without bytes come before the one that begins at the same place.
  std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
    if (a->offset != b->offset) return a->offset < b->offset;
    return a->tensor.view.Bytes() < b->tensor.view.Bytes();
  });
  std::uint64_t end = 0;
  const TensorEntry* previous = nullptr;
  for (const TensorEntry* entry : order) {
    const std::uint64_t bytes = entry->tensor.view.Bytes();
    if (entry->offset > data_bytes || bytes > data_bytes - entry->offset) {
      return Fail(ErrorCode::kCorrupt,
                  "{}: tensor '{}': {} bytes at {} are outside the {} data bytes", file_name,
                  entry->tensor.name, bytes, entry->offset, data_bytes);
    }
    if (entry->offset < end) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' overlaps tensor '{}'", file_name,
                  entry->tensor.name, previous->tensor.name);
    }
    end = entry->offset + bytes;
    previous = entry;
  }
  return {};
}

Result<void> ReadMagic(Cursor& cursor) {
  TRY_ASSIGN(const std::uint32_t magic, cursor.Read<std::uint32_t>("the magic number"));
  if (std::memcmp(&magic, kGgufMagic.data(), sizeof magic) != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: not a GGUF file", cursor.file_name());
  }
  TRY_ASSIGN(const std::uint32_t version, cursor.Read<std::uint32_t>("the version"));
  if (version != 2 && version != 3) {
    return Fail(ErrorCode::kUnsupported, "{}: GGUF version {}{} is not supported (2 and 3 are)",
                cursor.file_name(), version, (version & 0xFFFFu) == 0 ? ", or big-endian," : "");
  }
  return {};
}

}  // namespace

Result<GgufContents> ReadGguf(std::span<const std::byte> file, std::string_view file_name) {
  Cursor cursor(file, file_name);
  TRY(ReadMagic(cursor));
  TRY_ASSIGN(const std::uint64_t tensor_count, cursor.Read<std::uint64_t>("the tensor count"));
  TRY_ASSIGN(const std::uint64_t key_count, cursor.Read<std::uint64_t>("the metadata count"));
  if (tensor_count > kTensorCountMax || key_count > kGgufKeyCountMax) {
    return Fail(ErrorCode::kTooLarge,
                "{}: {} tensors and {} metadata keys are over the limits of {} and {}", file_name,
                tensor_count, key_count, kTensorCountMax, kGgufKeyCountMax);
  }
  GgufContents contents;
  TRY_ASSIGN(contents.metadata, ReadMetadata(cursor, key_count));
  TRY_ASSIGN(const std::uint64_t alignment, Alignment(contents.metadata, file_name));

  std::vector<TensorEntry> entries;
  std::unordered_set<std::string_view> names;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    TRY_ASSIGN(TensorEntry entry, ReadTensorEntry(cursor, alignment));
    entries.push_back(std::move(entry));
  }
  for (const TensorEntry& entry : entries) {
    if (entry.tensor.name.empty() || !names.insert(entry.tensor.name).second) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor name '{}' is empty or there twice", file_name,
                  entry.tensor.name);
    }
  }
  if (entries.empty()) return contents;

  const std::uint64_t data_at = (cursor.at() + alignment - 1) / alignment * alignment;
  TRY(CheckRanges(entries, file.size() - std::min<std::uint64_t>(data_at, file.size()), file_name));
  contents.tensors.reserve(entries.size());
  for (TensorEntry& entry : entries) {
    entry.tensor.view.data = file.data() + data_at + entry.offset;
    contents.tensors.push_back(std::move(entry.tensor));
  }
  return contents;
}

}  // namespace holdfast::weights
