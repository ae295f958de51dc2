#include "weights/safetensors_reader.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::weights {
namespace {

using testing::HasSubstr;

std::string File(std::string header, std::size_t data_bytes) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file + header + std::string(data_bytes, '\0');
}

Result<std::vector<NamedTensor>> Read(const std::string& bytes) {
  return ReadSafetensors(std::as_bytes(std::span(bytes.data(), bytes.size())), "f.safetensors");
}

struct Violation {
  const char* message;
  ErrorCode code;
  std::string header;
  std::size_t data_bytes = 8;
};

std::string Tensor(const char* fields) { return "{\"t\":{" + std::string(fields) + "}}"; }

const Violation kViolations[] = {
    {"header: not JSON", ErrorCode::kCorrupt, "{"},
    {"header is not a JSON object", ErrorCode::kCorrupt, "[1]"},
    {"header: not JSON", ErrorCode::kCorrupt, R"({"t":[[[[[[[[[[1]]]]]]]]]]})"},
    {"tensor 't': entry is not an object", ErrorCode::kCorrupt, R"({"t":1})"},
    {"tensor name of 256 bytes is outside 1..255", ErrorCode::kTooLarge,
     "{\"" + std::string(256, 'n') + "\":1}"},
    {"tensor name of 0 bytes", ErrorCode::kTooLarge, R"({"":1})"},
    {"tensor 't': dtype is not a string", ErrorCode::kCorrupt,
     Tensor(R"("shape":[2],"data_offsets":[0,8])")},
    {"tensor 't': dtype F64 is not one of", ErrorCode::kUnsupported,
     Tensor(R"("dtype":"F64","shape":[1],"data_offsets":[0,8])")},
    {"tensor 't': shape is not an array", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])")},
    {"tensor 't': rank 5 is over the limit of 4", ErrorCode::kUnsupported,
     Tensor(R"("dtype":"F32","shape":[1,1,1,1,2],"data_offsets":[0,8])")},
    {"tensor 't': a dimension is not a non-negative integer", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])")},
    {"tensor 't': a dimension is not a non-negative integer", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])")},
    {"tensor 't': [0] of dtype f32 needs 0 bytes, has 8", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[0],"data_offsets":[0,8])")},
    {"makes more than 17592186044416 elements", ErrorCode::kTooLarge,
     Tensor(R"("dtype":"F32","shape":[4294967296,0,4294967296],"data_offsets":[0,0])"), 0},
    {"tensor 'e': begins at byte 4, expected 8 (overlaps another)", ErrorCode::kCorrupt,
     R"({"e":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},
         "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"},
    {"tensor 't': dimension 18446744073709551615", ErrorCode::kTooLarge,
     Tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])")},
    {"makes more than 17592186044416 elements", ErrorCode::kTooLarge,
     Tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])")},
    {"tensor 't': data_offsets is not a pair", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8])")},
    {"tensor 't': an offset is not a non-negative integer", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])")},
    {"tensor 't': bytes 8..0 are outside", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")},
    {"tensor 't': bytes 0..16 are outside the 8 data bytes", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,16])")},
    {"tensor 't': [3] of dtype f32 needs 12 bytes, has 8", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])")},
    {"tensor 'b': begins at byte 4, expected 8 (overlaps another)", ErrorCode::kCorrupt,
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
         "b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"},
    {"tensor 'b': begins at byte 8, expected 4 (leaves a hole)", ErrorCode::kCorrupt,
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
         "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
     12},
    // The same name twice: the first is lost to JSON and leaves its bytes unclaimed.
    {"tensor 'a': begins at byte 4, expected 0 (leaves a hole)", ErrorCode::kCorrupt,
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
         "a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"},
    {"4 data bytes belong to no tensor", ErrorCode::kCorrupt,
     Tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")},
};

TEST(ReadSafetensors, NamesEveryViolation) {
  for (const Violation& violation : kViolations) {
    const std::string bytes = File(violation.header, violation.data_bytes);
    const auto tensors = Read(bytes);
    ASSERT_FALSE(tensors) << violation.message;
    EXPECT_THAT(tensors.error().message, HasSubstr(violation.message));
    EXPECT_THAT(tensors.error().message, testing::StartsWith("f.safetensors: "));
    EXPECT_EQ(tensors.error().code, violation.code) << tensors.error().message;
  }
}

TEST(ReadSafetensors, TakesTensorsWithoutElements) {
  const std::string bytes = File(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
          "first":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},
          "last":{"dtype":"F16","shape":[3,0,2],"data_offsets":[8,8]}})",
      8);
  const auto tensors = Read(bytes);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3u);
  for (const NamedTensor& tensor : *tensors) {
    EXPECT_EQ(tensor.view.Bytes(), tensor.name == "a" ? 8u : 0u) << tensor.name;
  }
}

TEST(ReadSafetensors, ChecksTheHeadersLength) {
  std::string bytes = File("{}", 0);
  for (std::uint64_t length : {std::uint64_t{9}, std::uint64_t{1} << 20, UINT64_MAX}) {
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_FALSE(Read(bytes)) << length;
  }
  EXPECT_THAT(Read(bytes).error().message, HasSubstr("over the limit of 33554432"));
}

TEST(ReadSafetensors, RefusesAFileCutAnywhere) {
  const std::string whole = File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  ASSERT_TRUE(Read(whole));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));
    EXPECT_FALSE(ReadSafetensors(std::as_bytes(std::span(cut)), "cut")) << bytes;
  }
}

}  // namespace
}  // namespace holdfast::weights
