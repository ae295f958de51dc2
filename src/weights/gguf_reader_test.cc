#include "weights/gguf_reader.h"

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::weights {
namespace {

using testing::HasSubstr;

// Bytes of a header, written without any check so that every field can be wrong.
class Bytes {
 public:
  template <typename T>
  Bytes& Add(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& U32(std::uint32_t value) { return Add(value); }
  Bytes& U64(std::uint64_t value) { return Add(value); }
  Bytes& Text(std::string_view text) {
    U64(text.size());
    text_.append(text);
    return *this;
  }
  Bytes& Raw(std::string_view text) {
    text_.append(text);
    return *this;
  }
  Bytes& PadTo(std::size_t alignment) {
    text_.resize((text_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ8_0 = 8;

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dims;  // Fastest first.
  std::uint32_t type = kF32;
  std::uint64_t offset = 0;
};

// A file of two tensors, with every field at hand to be broken.
struct File {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t key_count = 1;
  std::function<void(Bytes&)> keys = [](Bytes& bytes) {
    bytes.Text("general.architecture").U32(8).Text("deepseek2");
  };
  std::uint64_t tensor_count = 2;
  std::vector<Tensor> tensors = {{"a", {4, 2}, kF32, 0}, {"b", {32}, kQ8_0, 32}};
  std::size_t data_bytes = 96;

  std::string Make() const {
    Bytes bytes;
    bytes.Raw(magic).U32(version).U64(tensor_count).U64(key_count);
    keys(bytes);
    for (const Tensor& tensor : tensors) {
      bytes.Text(tensor.name).U32(static_cast<std::uint32_t>(tensor.dims.size()));
      for (std::uint64_t dim : tensor.dims) bytes.U64(dim);
      bytes.U32(tensor.type).U64(tensor.offset);
    }
    bytes.PadTo(32).Raw(std::string(data_bytes, '\1'));
    return bytes.text();
  }
};

Result<GgufContents> Read(const std::string& bytes) {
  return ReadGguf(std::as_bytes(std::span(bytes.data(), bytes.size())), "f.gguf");
}

TEST(ReadGguf, ReadsBothVersions) {
  for (std::uint32_t version : {2u, 3u}) {
    File file;
    file.version = version;
    const std::string bytes = file.Make();
    const auto contents = Read(bytes);
    ASSERT_TRUE(contents) << contents.error().message;
    ASSERT_EQ(contents->tensors.size(), 2u);
    EXPECT_EQ(contents->tensors[0].view.shape, (tensor::Shape{2, 4}));
    EXPECT_EQ(contents->tensors[1].view.dtype, tensor::DType::kQ8_0);
    EXPECT_EQ(contents->tensors[1].view.data - contents->tensors[0].view.data, 32);
  }
}

TEST(ReadGguf, TakesTensorsWithoutElements) {
  File file;
  file.tensor_count = 5;
  file.tensors = {{"first", {0}, kF32, 0},
                  {"a", {4, 2}, kF32, 0},
                  {"between", {4, 0}, kF32, 32},
                  {"b", {32}, kQ8_0, 32},
                  {"last", {0, 3}, kQ8_0, 96}};
  const std::string bytes = file.Make();
  const auto contents = Read(bytes);
  ASSERT_TRUE(contents) << contents.error().message;
  ASSERT_EQ(contents->tensors.size(), 5u);
  for (const std::size_t empty : {0, 2, 4}) {
    EXPECT_EQ(contents->tensors[empty].view.Bytes(), 0u) << contents->tensors[empty].name;
  }
  EXPECT_EQ(contents->tensors[2].view.shape, (tensor::Shape{0, 4}));
}

TEST(ReadGguf, ReadsEveryValueType) {
  File file;
  file.key_count = 15;
  file.keys = [](Bytes& bytes) {
    bytes.Text("u8").U32(0).Add<std::uint8_t>(200);
    bytes.Text("i8").U32(1).Add<std::int8_t>(-3);
    bytes.Text("u16").U32(2).Add<std::uint16_t>(60000);
    bytes.Text("i16").U32(3).Add<std::int16_t>(-300);
    bytes.Text("u32").U32(4).U32(4000000000u);
    bytes.Text("i32").U32(5).Add<std::int32_t>(-5);
    bytes.Text("f32").U32(6).Add(1.5f);
    bytes.Text("bool").U32(7).Add<std::uint8_t>(1);
    bytes.Text("string").U32(8).Text("text");
    bytes.Text("u64").U32(10).U64(1u << 20);
    bytes.Text("i64").U32(11).Add<std::int64_t>(-9);
    bytes.Text("f64").U32(12).Add(2.5);
    bytes.Text("strings").U32(9).U32(8).U64(2).Text("x").Text("");
    bytes.Text("i32s").U32(9).U32(5).U64(2).Add<std::int32_t>(7).Add<std::int32_t>(-7);
    bytes.Text("f32s").U32(9).U32(6).U64(1).Add(0.25f);
  };
  const std::string bytes = file.Make();
  const auto contents = Read(bytes);
  ASSERT_TRUE(contents) << contents.error().message;
  const auto integer = [&](std::string_view key) {
    return std::get<std::int64_t>(FindValue(contents->metadata, key)->value);
  };
  const auto array = [&](std::string_view key) {
    return std::get<GgufArray>(FindValue(contents->metadata, key)->value);
  };
  EXPECT_EQ(integer("u8"), 200);
  EXPECT_EQ(integer("i8"), -3);
  EXPECT_EQ(integer("u16"), 60000);
  EXPECT_EQ(integer("i16"), -300);
  EXPECT_EQ(integer("u32"), 4000000000);
  EXPECT_EQ(integer("i32"), -5);
  EXPECT_EQ(std::get<double>(FindValue(contents->metadata, "f32")->value), 1.5);
  EXPECT_TRUE(std::get<bool>(FindValue(contents->metadata, "bool")->value));
  EXPECT_EQ(std::get<std::string>(FindValue(contents->metadata, "string")->value), "text");
  EXPECT_EQ(integer("u64"), 1 << 20);
  EXPECT_EQ(integer("i64"), -9);
  EXPECT_EQ(std::get<double>(FindValue(contents->metadata, "f64")->value), 2.5);
  EXPECT_THAT(array("strings").strings, testing::ElementsAre("x", ""));
  EXPECT_THAT(array("i32s").integers, testing::ElementsAre(7, -7));
  EXPECT_THAT(array("f32s").floats, testing::ElementsAre(0.25));
  EXPECT_EQ(FindValue(contents->metadata, "absent"), nullptr);
}

struct Violation {
  const char* message;  // A part of the error's message.
  ErrorCode code;
  std::function<void(File&)> apply;
};

std::function<void(File&)> Keys(std::uint64_t count, std::function<void(Bytes&)> keys) {
  return [count, keys = std::move(keys)](File& file) {
    file.key_count = count;
    file.keys = keys;
  };
}

const Violation kViolations[] = {
    {"not a GGUF file", ErrorCode::kCorrupt, [](File& f) { f.magic = "GGML"; }},
    {"version 1 is not supported", ErrorCode::kUnsupported, [](File& f) { f.version = 1; }},
    {"version 4 is not supported", ErrorCode::kUnsupported, [](File& f) { f.version = 4; }},
    {"big-endian", ErrorCode::kUnsupported, [](File& f) { f.version = 0x03000000; }},
    {"over the limits of 1048576", ErrorCode::kTooLarge,
     [](File& f) { f.tensor_count = (1u << 20) + 1; }},
    {"over the limits of", ErrorCode::kTooLarge, [](File& f) { f.key_count = UINT64_MAX; }},
    {"ends inside a tensor name", ErrorCode::kCorrupt,
     [](File& f) {
       f.tensor_count = 1000;
       f.tensors.clear();
       f.keys = [](Bytes& b) { b.Text("key").U32(8).Text(std::string(17, 'x')); };
       f.data_bytes = 0;
     }},
    {"a metadata key of 65536 bytes is over the limit of 65535", ErrorCode::kTooLarge,
     Keys(1, [](Bytes& b) { b.Text(std::string(65536, 'k')).U32(4).U32(1); })},
    {"a metadata key of 18446744073709551615 bytes", ErrorCode::kTooLarge,
     Keys(1, [](Bytes& b) { b.U64(UINT64_MAX); })},
    {"'' is empty or there twice", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("").U32(4).U32(1); })},
    {"'k' is empty or there twice", ErrorCode::kCorrupt,
     Keys(2, [](Bytes& b) { b.Text("k").U32(4).U32(1).Text("k").U32(4).U32(1); })},
    {"'k' has unknown value type 13", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("k").U32(13).U32(1); })},
    {"'k' is a bool of value 2", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("k").U32(7).Add<std::uint8_t>(2); })},
    {"'k' is 18446744073709551615, over the limit of 2^63 - 1", ErrorCode::kTooLarge,
     Keys(1, [](Bytes& b) { b.Text("k").U32(10).U64(UINT64_MAX); })},
    {"'k' of 16777217 bytes is over the limit of 16777216", ErrorCode::kTooLarge,
     Keys(1, [](Bytes& b) { b.Text("k").U32(8).U64((16u << 20) + 1); })},
    {"ends inside metadata 'k'", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("k").U32(8).U64(1u << 20); })},
    {"'k' nests arrays, over the depth limit of 1", ErrorCode::kUnsupported,
     Keys(1, [](Bytes& b) { b.Text("k").U32(9).U32(9).U64(1).U32(4).U64(1).U32(1); })},
    {"'k' has 4194305 elements, over the limit of 4194304", ErrorCode::kTooLarge,
     Keys(1, [](Bytes& b) { b.Text("k").U32(9).U32(4).U64((4u << 20) + 1); })},
    {"ends inside metadata 'k'", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("k").U32(9).U32(8).U64(4u << 20); })},
    {"alignment is not a power of two", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("general.alignment").U32(4).U32(48); })},
    {"alignment is not a power of two", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("general.alignment").U32(4).U32(0); })},
    {"alignment is not a power of two", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("general.alignment").U32(4).U32(1u << 31); })},
    {"alignment is not a power of two", ErrorCode::kCorrupt,
     Keys(1, [](Bytes& b) { b.Text("general.alignment").U32(8).Text("32"); })},
    {"a tensor name of 256 bytes is over the limit of 255", ErrorCode::kTooLarge,
     [](File& f) { f.tensors[0].name = std::string(256, 'n'); }},
    {"tensor name 'a' is empty or there twice", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].name = "a"; }},
    {"tensor name '' is empty", ErrorCode::kCorrupt, [](File& f) { f.tensors[0].name = ""; }},
    {"tensor 'a' has rank 0", ErrorCode::kUnsupported, [](File& f) { f.tensors[0].dims = {}; }},
    {"tensor 'a' has rank 5", ErrorCode::kUnsupported,
     [](File& f) {
       f.tensors[0].dims = {1, 1, 1, 1, 1};
     }},
    {"makes more than 17592186044416 elements", ErrorCode::kTooLarge,
     [](File& f) {
       f.tensors[0].dims = {1ull << 32, 0, 1ull << 32};
     }},
    {"tensor 'a': dimension 18446744073709551615", ErrorCode::kTooLarge,
     [](File& f) { f.tensors[0].dims = {UINT64_MAX}; }},
    {"tensor 'a': dimension 4294967296", ErrorCode::kTooLarge,
     [](File& f) {
       f.tensors[0].dims = {1u << 13, 1ull << 32};
     }},
    {"tensor 'a' has type 10 (q2_k)", ErrorCode::kUnsupported,
     [](File& f) { f.tensors[0].type = 10; }},
    {"tensor 'a' has type 4000000000 (?)", ErrorCode::kUnsupported,
     [](File& f) { f.tensors[0].type = 4000000000u; }},
    {"tensor 'b': rows of 33 are not whole blocks of 32 (q8_0)", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].dims = {33}; }},
    {"tensor 'b': offset 33 is not a multiple of the alignment 32", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].offset = 33; }},
    {"tensor 'b': 34 bytes at 96 are outside the 96 data bytes", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].offset = 96; }},
    {"tensor 'b': 34 bytes at 18446744073709551584 are outside", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].offset = UINT64_MAX - 31; }},
    {"tensor 'b': 3400000 bytes at 32 are outside the 96 data bytes", ErrorCode::kCorrupt,
     [](File& f) { f.tensors[1].dims = {3200000}; }},
    {"overlaps tensor", ErrorCode::kCorrupt, [](File& f) { f.tensors[1].offset = 0; }},
    {"tensor 'b' overlaps tensor 'a'", ErrorCode::kCorrupt,
     [](File& f) {
       f.tensors[0].dims = {4, 3};
     }},
};

TEST(ReadGguf, NamesEveryViolation) {
  for (const Violation& violation : kViolations) {
    File file;
    violation.apply(file);
    const std::string bytes = file.Make();
    const auto contents = Read(bytes);
    ASSERT_FALSE(contents) << violation.message;
    EXPECT_THAT(contents.error().message, HasSubstr(violation.message));
    EXPECT_THAT(contents.error().message, testing::StartsWith("f.gguf: "));
    EXPECT_EQ(contents.error().code, violation.code) << contents.error().message;
  }
}

TEST(ReadGguf, RefusesAFileCutAnywhere) {
  File file;
  file.data_bytes = 66;  // The last tensor ends with the file.
  const std::string whole = file.Make();
  ASSERT_TRUE(Read(whole));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    // A copy of exactly that size, so that sanitizers see a read past its end.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));
    EXPECT_FALSE(ReadGguf(std::as_bytes(std::span(cut)), "cut")) << bytes;
  }
}

}  // namespace
}  // namespace holdfast::weights
