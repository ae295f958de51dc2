#include "crypto/digest.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::crypto {
namespace {

// FIPS 180-4 examples; BLAKE2b-256 of "abc" as in the BLAKE2 test vectors for 32-byte output.
TEST(Digest, MatchesPublishedVectors) {
  Sha256 empty;
  EXPECT_EQ(HexDigest(empty.Finish()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 abc;
  abc.Update("abc");
  EXPECT_EQ(HexDigest(abc.Finish()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Blake2b blake;
  blake.Update("abc");
  EXPECT_EQ(HexDigest(blake.Finish()),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Digest, DoesNotDependOnHowTheStreamIsCut) {
  const std::string text(100'000, 'x');
  Blake2b whole, cut;
  whole.Update(text);
  for (std::size_t at = 0; at < text.size(); at += 777) {
    cut.Update(std::string_view(text).substr(at, 777));
  }
  EXPECT_EQ(whole.Finish(), cut.Finish());
}

TEST(Digest, OfFileEqualsDigestOfItsBytesAndMissingFileIsNotFound) {
  std::string dir = (std::filesystem::temp_directory_path() / "holdfast-digest-XXXXXX").string();
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const auto path = std::filesystem::path(dir) / "file";
  const std::string text(3'000'000, 'q');
  std::ofstream(path) << text;
  Sha256 hash;
  hash.Update(text);
  const auto digest = Sha256OfFile(path);
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(*digest, hash.Finish());
  const auto missing = Sha256OfFile(path.string() + ".none");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace holdfast::crypto
