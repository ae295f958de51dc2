#include "crypto/instance_key.h"

#include <array>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/random.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

constexpr PasswordCost kCheap{.opslimit = 1, .memlimit = 8 << 10};

Secret Passphrase() { return Secret{std::string("a phrase of some words")}; }

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

class InstanceKey : public testing::Test {
 protected:
  TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "instance.key";
};

TEST_F(InstanceKey, IsMadeOnceForItsOwnerAlone) {
  const Result<DataKey> made = LoadOrMakeInstanceKey(path_, std::nullopt);
  ASSERT_TRUE(made) << made.error().message;
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_size, 32);
  EXPECT_TRUE(LoadOrMakeInstanceKey(path_, std::nullopt)->Equals(*made));
}

TEST_F(InstanceKey, OfAnotherSizeOrReadableByOthersIsRefused) {
  WriteFile(path_, std::string(16, 'k'));
  EXPECT_EQ(LoadOrMakeInstanceKey(path_, std::nullopt).error().code, ErrorCode::kCorrupt);
  WriteFile(path_, std::string(32, 'k'));
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  EXPECT_EQ(LoadOrMakeInstanceKey(path_, std::nullopt).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(InstanceKey, ComesFromTheCredentialWhereThereIsOneAndNoFileIsMade) {
  const std::filesystem::path credential = folder_.path() / kInstanceKeyCredential;
  WriteFile(credential, std::string(32, 'c'));
  std::array<std::byte, DataKey::kBytes> bytes;
  bytes.fill(std::byte{'c'});
  for (const mode_t mode : {0400U, 0440U}) {
    ASSERT_EQ(::chmod(credential.c_str(), mode), 0);
    const Result<DataKey> key = LoadOrMakeInstanceKey(path_, folder_.path());
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_TRUE(key->Equals(DataKey::FromBytes(bytes)));
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
}

TEST_F(InstanceKey, ACredentialThatIsNotSoundIsAnErrorAndNotPassedOver) {
  const std::filesystem::path credential = folder_.path() / kInstanceKeyCredential;
  WriteFile(credential, std::string(31, 'c'));
  EXPECT_EQ(LoadOrMakeInstanceKey(path_, folder_.path()).error().code, ErrorCode::kCorrupt);
  WriteFile(credential, std::string(32, 'c'));
  ASSERT_EQ(::chmod(credential.c_str(), 0444), 0);
  EXPECT_EQ(LoadOrMakeInstanceKey(path_, folder_.path()).error().code,
            ErrorCode::kPermissionDenied);
  std::filesystem::remove(credential);
  EXPECT_TRUE(LoadOrMakeInstanceKey(path_, folder_.path()));  // None at all: the file.
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(InstanceKey, IsExportedUnderAPassphraseAndImportedAgain) {
  const DataKey key = DataKey::Random();
  const Result<std::string> text = ExportInstanceKey(key, Passphrase(), kCheap);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(text->starts_with("Holdfast instance key, sealed with a passphrase\n")) << *text;
  const Result<DataKey> imported = ImportInstanceKey(*text, Passphrase());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(imported->Equals(key));
  EXPECT_EQ(ImportInstanceKey(*text, Secret{std::string("another")}).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(ExportInstanceKey(key, Secret(), kCheap).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(PlaceInstanceKey(path_, *imported));
  EXPECT_TRUE(LoadOrMakeInstanceKey(path_, std::nullopt)->Equals(key));
  EXPECT_EQ(PlaceInstanceKey(path_, *imported).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(InstanceKey, AnExportWithOtherEndsOfLinesIsRead) {
  const DataKey key = DataKey::Random();
  std::string text = *ExportInstanceKey(key, Passphrase(), kCheap);
  std::string windows;
  for (const char letter : text) windows += letter == '\n' ? "\r\n" : std::string(1, letter);
  EXPECT_TRUE(ImportInstanceKey(windows, Passphrase())->Equals(key));
  text.pop_back();
  EXPECT_TRUE(ImportInstanceKey(text, Passphrase())->Equals(key));
}

TEST_F(InstanceKey, AnExportThatWasChangedIsRefused) {
  const std::string text = *ExportInstanceKey(DataKey::Random(), Passphrase(), kCheap);
  const struct {
    std::string text;
    ErrorCode code;
  } cases[] = {
      {"", ErrorCode::kCorrupt},
      {text.substr(0, text.find("sealed: ")), ErrorCode::kCorrupt},
      {Replaced(text, "version: 1", "version: 2"), ErrorCode::kUnsupported},
      {Replaced(text, "passes: 1", "passes: 2"), ErrorCode::kPermissionDenied},
      {Replaced(text, "passes: 1", "passes: 0"), ErrorCode::kCorrupt},
      {Replaced(text, "passes: 1", "passes: 999999999"), ErrorCode::kCorrupt},
      {Replaced(text, "kib: 8", "kib: 99999999999999999999"), ErrorCode::kCorrupt},
      {Replaced(text, "key-id: ", "key-id: 0"), ErrorCode::kPermissionDenied},
      {Replaced(text, "salt: ", "salt: !"), ErrorCode::kCorrupt},
      {Replaced(text, "sealed: ", "sealed: AAAA"), ErrorCode::kCorrupt},
      {Replaced(text, "sealed: A", "sealed: B"), ErrorCode::kPermissionDenied},
      {text + std::string(kInstanceKeyExportBytesMax, '\n'), ErrorCode::kCorrupt},
  };
  for (const auto& c : cases) {
    const Result<DataKey> key = ImportInstanceKey(c.text, Passphrase());
    ASSERT_FALSE(key) << c.text;
    EXPECT_EQ(key.error().code, c.code) << c.text;
  }
}

TEST_F(InstanceKey, AnImportTakesAnyBytes) {
  const std::string text = *ExportInstanceKey(DataKey::Random(), Passphrase(), kCheap);
  Random random(3);
  // After the cost, so that no change makes one that takes long to compute.
  const std::size_t from = text.find("salt: ");
  for (int i = 0; i < 500; ++i) {
    std::string other = text;
    const std::size_t at = from + random.Next() % (text.size() - from - 1);
    other[at] = static_cast<char>(other[at] ^ 1 << random.Next() % 7);
    EXPECT_FALSE(ImportInstanceKey(other, Passphrase())) << other;
  }
}

}  // namespace
}  // namespace holdfast::crypto
