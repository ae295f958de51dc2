#include "tensor/mapped_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::tensor {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  void SetUp() override {
    std::string pattern = testing::TempDir() + "mapped-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(MappedFileTest, ShowsTheBytesOfAFile) {
  const Result<MappedFile> file = MappedFile::Open(Write("a", "holdfast"));
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(file->bytes().size(), 8u);
  EXPECT_EQ(static_cast<char>(file->bytes()[4]), 'f');
}

TEST_F(MappedFileTest, AnEmptyFileIsAnEmptySpan) {
  const Result<MappedFile> file = MappedFile::Open(Write("empty", ""));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, MovesKeepTheMapping) {
  Result<MappedFile> file = MappedFile::Open(Write("b", "xyz"));
  ASSERT_TRUE(file.has_value());
  MappedFile moved = std::move(*file);
  MappedFile assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.bytes().size(), 3u);
  EXPECT_EQ(assigned.path().filename(), "b");
}

TEST_F(MappedFileTest, NamesWhatItCannotOpen) {
  const Result<MappedFile> absent = MappedFile::Open(folder_ / "absent");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  const Result<MappedFile> directory = MappedFile::Open(folder_);
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::tensor
