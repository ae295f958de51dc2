#include "crypto/encoding.h"

#include <set>

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

// RFC 4648, section 10; base64url and base32 without their padding.
TEST(Encoding, MatchesTheVectorsOfTheRfcBothWays) {
  const struct {
    std::string_view bytes, base64, base64url, base32, hex;
  } cases[] = {
      {"", "", "", "", ""},
      {"f", "Zg==", "Zg", "MY", "66"},
      {"fo", "Zm8=", "Zm8", "MZXQ", "666f"},
      {"foo", "Zm9v", "Zm9v", "MZXW6", "666f6f"},
      {"foob", "Zm9vYg==", "Zm9vYg", "MZXW6YQ", "666f6f62"},
      {"fooba", "Zm9vYmE=", "Zm9vYmE", "MZXW6YTB", "666f6f6261"},
      {"foobar", "Zm9vYmFy", "Zm9vYmFy", "MZXW6YTBOI", "666f6f626172"},
      {"\xFB\xFF\xFE", "+//+", "-__-", "7P774", "fbfffe"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(EncodeBase64(c.bytes), c.base64);
    EXPECT_EQ(EncodeBase64Url(c.bytes), c.base64url);
    EXPECT_EQ(EncodeBase32(c.bytes), c.base32);
    EXPECT_EQ(EncodeHex(c.bytes), c.hex);
    EXPECT_EQ(DecodeBase64(c.base64), c.bytes);
    EXPECT_EQ(DecodeBase64Url(c.base64url), c.bytes);
    EXPECT_EQ(DecodeBase32(c.base32), c.bytes);
    EXPECT_EQ(DecodeHex(c.hex), c.bytes);
  }
}

TEST(Encoding, BringsBackAnyBytes) {
  for (std::size_t length = 0; length < 100; ++length) {
    const std::string bytes = RandomBytes(length);
    EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)), bytes);
    EXPECT_EQ(DecodeBase32(EncodeBase32(bytes)), bytes);
    EXPECT_EQ(DecodeHex(EncodeHex(bytes)), bytes);
  }
}

TEST(Encoding, RefusesEveryOtherTextOfTheSameBytes) {
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Zh==", "Zg==\n", " Zg==", "Z===", "Z",
                                      "Zm9v=", "-__-", "Zg==Zg=="}) {
    EXPECT_FALSE(DecodeBase64(text)) << text;
  }
  for (const std::string_view text : {"Zg==", "Zh", "Z", "+//+", "Zg ", "Zm9vZ"}) {
    EXPECT_FALSE(DecodeBase64Url(text)) << text;
  }
  for (const std::string_view text :
       {"my", "MY======", "MZ", "M", "MYA", "MZXW6YT", "MZXW6YTBO", "M1", "MY ", "MZXW6YTBOIA"}) {
    EXPECT_FALSE(DecodeBase32(text)) << text;
  }
  for (const std::string_view text : {"6", "6g", "66 ", "0x66", "66:67"}) {
    EXPECT_FALSE(DecodeHex(text)) << text;
  }
  EXPECT_FALSE(DecodeHex(std::string_view("66\0", 3)));
  EXPECT_EQ(DecodeHex("FBff"), "\xFB\xFF");
}

TEST(RandomToken, IsBase64UrlOfThatManyBytesAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = RandomToken(32);
    EXPECT_EQ(token.size(), 43u);
    const auto bytes = DecodeBase64Url(token);
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ(bytes->size(), 32u);
    EXPECT_TRUE(seen.insert(token).second);
  }
  EXPECT_EQ(RandomToken(0), "");
}

}  // namespace
}  // namespace holdfast::crypto
