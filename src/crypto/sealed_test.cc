#include "crypto/sealed.h"

#include <set>
#include <type_traits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<DataKey> && !std::is_copy_assignable_v<DataKey>);
static_assert(!std::is_default_constructible_v<DataKey>);

DataKey CountedKey() {
  std::array<std::byte, DataKey::kBytes> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(0x80 + i);
  return DataKey::FromBytes(bytes);
}

TEST(Sealed, OpensToWhatWasSealed) {
  const DataKey key = DataKey::Random();
  for (const std::size_t length : {0u, 1u, 63u, 64u, 65u, 100'000u}) {
    const std::string text = RandomBytes(length);
    const std::string sealed = Seal(key, text, "message:1:content");
    EXPECT_EQ(sealed.size(), text.size() + kSealBytes);
    const Result<std::string> opened = Open(key, sealed, "message:1:content");
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(*opened, text);
  }
}

TEST(Sealed, IsNeverTheSameTwice) {
  const DataKey key = DataKey::Random();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(Seal(key, "same", "")).second);
}

// Computed apart from libsodium: HChaCha20 written out, checked by draft-irtf-cfrg-xchacha-03,
// A.3.1, and OpenSSL's ChaCha20-Poly1305; with that section's key and nonce.
TEST(Sealed, OpensATextSealedByAnotherImplementation) {
  const auto sealed = DecodeHex(
      "01404142434445464748494a4b4c4d4e4f505152535455565782631e917b8491228fd7429d2d40b2d88c24e63c3e"
      "5f15281a");
  ASSERT_TRUE(sealed.has_value());
  const Result<std::string> opened = Open(CountedKey(), *sealed, "message:1:content");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(*opened, "some text");
}

TEST(Sealed, OpensWithItsKeyAndItsAssociatedDataAlone) {
  const DataKey key = DataKey::Random();
  const std::string sealed = Seal(key, "text", "message:1:content");
  for (const std::string_view other :
       {"", "message:1:conten", "message:2:content", "message:1:content ", "message:1:title"}) {
    const Result<std::string> opened = Open(key, sealed, other);
    ASSERT_FALSE(opened) << other;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_FALSE(Open(DataKey::Random(), sealed, "message:1:content"));
}

TEST(Sealed, NoBitChangedNoByteLostNoneAddedGoesUnseen) {
  const DataKey key = DataKey::Random();
  const std::string sealed = Seal(key, "some text", "row");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string other = sealed;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    const Result<std::string> opened = Open(key, other, "row");
    ASSERT_FALSE(opened) << bit;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
  for (std::size_t length = 0; length < sealed.size(); ++length) {
    EXPECT_FALSE(Open(key, std::string_view(sealed).substr(0, length), "row")) << length;
  }
  EXPECT_FALSE(Open(key, sealed + '\0', "row"));
}

TEST(Sealed, AnyBytesAreRefusedAndNotFeared) {
  const DataKey key = DataKey::Random();
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = RandomBytes(random.Next() % 120);
    if (!bytes.empty() && random.Next() % 2 == 0) bytes[0] = 1;
    EXPECT_FALSE(Open(key, bytes, "row"));
  }
}

TEST(Sealed, AKeyIsSealedByAKeyAndNoOtherTextOpensAsOne) {
  const DataKey key = DataKey::Random();
  const std::string sealed = SealKey(key, CountedKey(), "account:1");
  EXPECT_EQ(sealed.size(), kSealedKeyBytes);
  const Result<DataKey> opened = OpenKey(key, sealed, "account:1");
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->Equals(CountedKey()));
  EXPECT_EQ(OpenKey(key, sealed, "account:2").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(OpenKey(key, Seal(key, "short", "account:1"), "account:1").error().code,
            ErrorCode::kCorrupt);
}

TEST(DataKey, IsNamedByAnIdOfItsOwn) {
  EXPECT_EQ(KeyId(CountedKey()), KeyId(CountedKey()));
  EXPECT_EQ(KeyId(CountedKey()).size(), kKeyIdBytes);
  EXPECT_NE(KeyId(CountedKey()), KeyId(DataKey::Random()));
}

TEST(DataKey, ComparesByItsBytesAndIsEmptiedByAMove) {
  DataKey key = CountedKey();
  EXPECT_TRUE(key.Equals(CountedKey()));
  EXPECT_FALSE(key.Equals(DataKey::Random()));
  const DataKey moved = std::move(key);
  EXPECT_TRUE(moved.Equals(CountedKey()));
  const std::array<std::byte, DataKey::kBytes> zeros{};
  EXPECT_TRUE(key.Equals(DataKey::FromBytes(zeros)));  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(DataKey::Random().Equals(DataKey::Random()));
}

}  // namespace
}  // namespace holdfast::crypto
