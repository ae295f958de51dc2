#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archives/testing/raw_zip.h"
#include "archives/zip_reader.h"
#include "archives/zip_writer.h"

namespace holdfast::archives {
namespace {

using archives::testing::RawEntry;
using archives::testing::RawZip;
using ::testing::HasSubstr;

std::string Zip(const std::vector<std::pair<std::string, std::string>>& files) {
  const auto writer = *ZipWriter::Make();
  for (const auto& [name, content] : files) EXPECT_TRUE(writer->Add(name, content));
  return *writer->Finish();
}

// The contents of all files, one after the other.
Result<std::string> ReadAll(std::string_view zip, const ZipLimits& limits = {}) {
  TRY_ASSIGN(const auto reader, ZipReader::Open(zip, limits));
  std::string all;
  for (const ZipFile& file : reader->files()) {
    TRY_ASSIGN(const std::string content, reader->Read(file));
    all += content;
  }
  return all;
}

TEST(ZipReader, ReadsWhatTheWriterWrote) {
  const std::string zip = Zip({{"a.txt", "one"}, {"folder/b.txt", std::string(100'000, 'x')}});
  const auto reader = ZipReader::Open(zip, {});
  ASSERT_TRUE(reader) << reader.error().message;
  ASSERT_EQ((*reader)->files().size(), 2u);
  EXPECT_EQ((*reader)->files()[1].name, "folder/b.txt");
  EXPECT_EQ((*reader)->Read((*reader)->files()[0]).value_or(""), "one");
  EXPECT_EQ((*reader)->Read((*reader)->files()[1]).value_or(""), std::string(100'000, 'x'));
  EXPECT_TRUE(LooksLikeZip(zip));
}

TEST(ZipReader, ReadsStoredFilesAndPassesOverFolders) {
  const std::string zip = RawZip({{.name = "folder/", .attributes = 040755U << 16},
                                  {.name = "./folder/a", .data = "one"},
                                  {.name = "empty"},
                                  {.name = "of Windows", .data = "two", .attributes = 0x20}});
  EXPECT_EQ(ReadAll(zip).value_or("none"), "onetwo");
}

TEST(ZipReader, RefusesWhatNoHonestArchiveHas) {
  const auto named = [](std::string name) {
    return RawZip({{.name = std::move(name), .data = "x"}});
  };
  const std::string good = RawZip({{.name = "a", .data = "something"}});
  const RawEntry nested{.name = "a", .data = std::string(1000, 'x')};
  RawEntry covering{.name = "b", .data = "x"};
  covering.packed_bytes = covering.unpacked_bytes = 900;
  const struct {
    std::string what;
    std::string zip;
    ErrorCode code;
    std::string says;
  } cases[] = {
      {"no ZIP", "{}", ErrorCode::kInvalidArgument, "no ZIP"},
      {"nothing", "", ErrorCode::kInvalidArgument, "no ZIP"},
      {"the end is cut off", good.substr(0, good.size() - 5), ErrorCode::kInvalidArgument,
       "damaged"},
      {"the front is cut off", good.substr(5), ErrorCode::kInvalidArgument, "no ZIP"},
      {"up", named("../a"), ErrorCode::kInvalidArgument, "not safe"},
      {"up, further in", named("a/../../b"), ErrorCode::kInvalidArgument, "not safe"},
      {"from the root", named("/etc/passwd"), ErrorCode::kInvalidArgument, "not safe"},
      {"a drive", named("C:a"), ErrorCode::kInvalidArgument, "not safe"},
      {"up, as Windows does", named("..\\a"), ErrorCode::kInvalidArgument, "not safe"},
      {"a line", named("a\nb"), ErrorCode::kInvalidArgument, "not safe"},
      {"no name in a folder", named("a//b"), ErrorCode::kInvalidArgument, "not safe"},
      {"long", named(std::string(513, 'n')), ErrorCode::kTooLarge, "512 bytes"},
      {"deep", named([] {
         std::string name;
         for (int i = 0; i < 17; ++i) name += "d/";
         return name + "a";
       }()),
       ErrorCode::kTooLarge, "16 folders"},
      {"twice", RawZip({{.name = "a", .data = "x"}, {.name = "a", .data = "y"}}),
       ErrorCode::kInvalidArgument, "two entries"},
      {"a link", RawZip({{.name = "a", .data = "/etc/passwd", .attributes = 0120777U << 16}}),
       ErrorCode::kInvalidArgument, "a link"},
      {"a device", RawZip({{.name = "a", .attributes = 020666U << 16}}),
       ErrorCode::kInvalidArgument, "a link"},
      {"encrypted", RawZip({{.name = "a", .data = std::string(20, 'x'), .flags = 1}}),
       ErrorCode::kUnsupported, "encrypted"},
      {"overlapping", RawZip({covering, nested, {.name = "c", .data = "x"}}),
       ErrorCode::kInvalidArgument, "claim more"},
      {"a size beyond the end",
       RawZip({{.name = "a",
                .data = "x",
                .packed_bytes = 0x7FFF'FFFF,
                .unpacked_bytes = 0x7FFF'FFFF}}),
       ErrorCode::kInvalidArgument, ""},
      {"sizes of ZIP64 without ZIP64",
       RawZip({{.name = "a", .data = "x", .packed_bytes = ~0U, .unpacked_bytes = ~0U}}),
       ErrorCode::kInvalidArgument, ""},
      {"a wrong checksum", RawZip({{.name = "a", .data = "x", .checksum = 7}}),
       ErrorCode::kInvalidArgument, "a is damaged"},
      {"stored, and larger than it is", RawZip({{.name = "a", .data = "x", .unpacked_bytes = 5}}),
       ErrorCode::kInvalidArgument, ""},
      {"deflate that is none",
       RawZip({{.name = "a", .data = "\xff\xff\xff\xff", .method = 8, .unpacked_bytes = 40}}),
       ErrorCode::kInvalidArgument, "damaged"},
      {"a method that is not read", RawZip({{.name = "a", .data = "x", .method = 77}}),
       ErrorCode::kUnsupported, "not read here"},
  };
  for (const auto& [what, zip, code, says] : cases) {
    const auto read = ReadAll(zip);
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(ErrorCodeName(read.error().code), ErrorCodeName(code))
        << what << ": " << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(says)) << what;
  }
}

TEST(ZipReader, HoldsEachLimit) {
  constexpr std::size_t kMiB = 1 << 20;
  const std::string three = Zip({{"a", "xx"}, {"b", "yy"}, {"c", "zz"}});
  // Deflate makes a thousandth of it.
  const std::string bomb = Zip({{"a", std::string(2 * kMiB, 'x')}});
  const struct {
    std::string zip;
    ZipLimits limits;
    std::string says;
  } cases[] = {
      {std::string(kMiB + 1, 'x'), {.archive_bytes_max = kMiB}, "more than 1 MiB"},
      {three, {.entries_max = 2}, "3 entries; at most 2"},
      {three, {.unpacked_bytes_max = 5}, "unpacks to more than"},
      {bomb, {}, "more than 200 times"},
      {bomb, {.unpacked_bytes_max = kMiB, .ratio_max = 2000}, "more than 1 MiB"},
  };
  for (const auto& [zip, limits, says] : cases) {
    const auto read = ReadAll(zip, limits);
    ASSERT_FALSE(read) << says;
    EXPECT_EQ(read.error().code, ErrorCode::kTooLarge) << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(says));
  }
  EXPECT_EQ(ReadAll(three, {.entries_max = 3, .unpacked_bytes_max = 6}).value_or(""), "xxyyzz");
  EXPECT_EQ(ReadAll(bomb, {.ratio_max = 2000}).value_or("").size(), 2 * kMiB);
}

TEST(ZipWriter, RefusesMoreThanItHolds) {
  const auto writer = *ZipWriter::Make();
  std::string half(ZipWriter::kBytesMax / 2 + 1, 'x');
  EXPECT_TRUE(writer->Add("a", std::move(half)));
  const auto second = writer->Add("b", std::string(ZipWriter::kBytesMax / 2, 'x'));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::archives
