#include "crypto/keyed_hash.h"

#include <fstream>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::crypto {
namespace {

namespace fs = std::filesystem;

static_assert(!std::is_copy_constructible_v<HashKey> && !std::is_copy_assignable_v<HashKey>);
static_assert(!std::is_default_constructible_v<HashKey>);

HashKey CountedKey() {
  std::array<std::byte, HashKey::kBytes> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  return HashKey::FromBytes(bytes);
}

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string name = (fs::temp_directory_path() / "keyed_hash_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ / "caller.key";
  }
  ~KeyFile() override { fs::remove_all(folder_); }

  void Write(std::size_t bytes, mode_t mode) {
    std::ofstream(path_) << std::string(bytes, 'k');
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }

  fs::path folder_;
  fs::path path_;
};

// The vectors of the SipHash paper's authors: key 00 01 .. 0f, inputs "", 00, 00 01, ...
TEST(HashKey, IsSipHash24) {
  const HashKey key = CountedKey();
  const std::uint64_t expected[] = {0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A,
                                    0x85676696D7FB7E2D};
  std::vector<std::byte> input;
  for (const std::uint64_t hash : expected) {
    EXPECT_EQ(key.Hash(input), hash) << input.size();
    input.push_back(static_cast<std::byte>(input.size()));
  }
}

TEST(HashKey, AnotherKeyGivesOtherHashes) {
  EXPECT_NE(HashKey::Random().Hash("192.0.2.1"), HashKey::Random().Hash("192.0.2.1"));
}

TEST(HashKey, IsWipedWhereItWasMovedFrom) {
  HashKey key = CountedKey();
  const std::uint64_t hash = key.Hash("a");
  HashKey moved = std::move(key);
  EXPECT_EQ(moved.Hash("a"), hash);
  // NOLINTNEXTLINE(bugprone-use-after-move): what is left is what this is about.
  EXPECT_EQ(key.Hash("a"), HashKey::FromBytes(std::array<std::byte, HashKey::kBytes>{}).Hash("a"));
}

TEST_F(KeyFile, IsMadeOnceForItsOwnerAlone) {
  const Result<HashKey> made = LoadOrMakeKey(path_);
  ASSERT_TRUE(made) << made.error().message;
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_size, 16);
  const Result<HashKey> loaded = LoadOrMakeKey(path_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(made->Hash("a"), loaded->Hash("a"));
  // Nothing else is left of the making.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(KeyFile, OfAnotherSizeIsRefused) {
  for (const std::size_t bytes : {0U, 15U, 17U, 4096U}) {
    Write(bytes, 0600);
    const Result<HashKey> key = LoadOrMakeKey(path_);
    ASSERT_FALSE(key) << bytes;
    EXPECT_EQ(key.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(key.error().message.find("16 bytes"), std::string::npos);
    EXPECT_EQ(fs::file_size(path_), bytes);
  }
}

TEST_F(KeyFile, ThatOthersMayReadOrChangeIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0777U}) {
    Write(16, mode);
    const Result<HashKey> key = LoadOrMakeKey(path_);
    ASSERT_FALSE(key) << mode;
    EXPECT_EQ(key.error().code, ErrorCode::kPermissionDenied);
  }
  Write(16, 0400);
  EXPECT_TRUE(LoadOrMakeKey(path_));
}

TEST_F(KeyFile, ThatIsNoPlainFileIsRefused) {
  fs::create_directory(path_);
  ASSERT_EQ(::chmod(path_.c_str(), 0700), 0);
  EXPECT_EQ(LoadOrMakeKey(path_).error().code, ErrorCode::kCorrupt);
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(LoadOrMakeKey(path_).error().code, ErrorCode::kCorrupt);
  fs::remove(path_);
  // A link could be to a key that somebody else put there.
  std::ofstream(folder_ / "other") << std::string(16, 'k');
  fs::create_symlink(folder_ / "other", path_);
  EXPECT_FALSE(LoadOrMakeKey(path_));
}

TEST_F(KeyFile, InAFolderThatIsNotThereIsAnError) {
  const Result<HashKey> key = LoadOrMakeKey(folder_ / "none" / "caller.key");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::crypto
