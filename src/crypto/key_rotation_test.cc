#include "crypto/key_rotation.h"

#include <gtest/gtest.h>

#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

class KeyRotation : public testing::Test {
 protected:
  std::unique_ptr<KeyRing> Open() {
    Result<std::unique_ptr<KeyRing>> ring = OpenKeyRing(files_);
    if (!ring) ADD_FAILURE() << ring.error().message;
    return ring ? std::move(*ring) : nullptr;
  }
  // Makes a ring with one account, and keeps what is to be found of it.
  void MakeRing() {
    const auto ring = Open();
    ASSERT_TRUE(ring->Make("ann"));
    ann_ = *ring->Find("ann");
    old_key_ = ReadFile(files_.instance_key);
    old_ring_ = ReadFile(files_.ring);
  }
  bool IsAnnThere(KeyRing& ring) {
    const auto found = ring.Find("ann");
    return found && (*found)->Equals(*ann_);
  }
  // The old ring as it is once its header says that `new_key` is next.
  std::string BegunRing(const std::string& new_key) const {
    namespace format = key_ring_format;
    const auto key = [](const std::string& bytes) {
      return DataKey::FromBytes(std::as_bytes(std::span(bytes)).subspan<0, DataKey::kBytes>());
    };
    format::Header header;
    header.key_id = KeyId(key(old_key_));
    header.is_rotating = true;
    header.next_key_id = KeyId(key(new_key));
    header.sealed_key = SealKey(key(new_key), key(old_key_), format::kKeyBeforePlace);
    const std::string bytes = format::WriteHeader(header) + format::WriteHeader(header);
    std::string ring = old_ring_;
    return ring.replace(0, bytes.size(), bytes);
  }

  TestFolder folder_;
  KeyFiles files_{.ring = folder_.path() / "keys",
                  .instance_key = folder_.path() / "instance.key",
                  .credentials_folder = std::nullopt};
  std::filesystem::path next_ = folder_.path() / "instance.key.next";
  std::shared_ptr<const DataKey> ann_;
  std::string old_key_, old_ring_;
};

TEST_F(KeyRotation, PutsANewKeyInTheOldOnesPlace) {
  MakeRing();
  auto ring = Open();
  const Result<RotateSummary> summary = RotateInstanceKey(*ring, files_);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->rewrapped, 1u);
  EXPECT_NE(ReadFile(files_.instance_key), old_key_);
  EXPECT_FALSE(std::filesystem::exists(next_));
  EXPECT_TRUE(IsAnnThere(*ring));
  ring.reset();
  EXPECT_TRUE(IsAnnThere(*Open()));
}

// What each step leaves when the machine stops after it.
TEST_F(KeyRotation, CutOffAfterAnyStepItOpensAndGoesOn) {
  MakeRing();
  ASSERT_TRUE(RotateInstanceKey(*Open(), files_));
  const std::string new_key = ReadFile(files_.instance_key), new_ring = ReadFile(files_.ring);
  const std::string begun_ring = BegunRing(new_key);
  const struct {
    std::string_view step;
    std::string key, ring;
    bool is_rotating;
  } cases[] = {
      {"the new key was made", old_key_, old_ring_, false},
      {"the header was written", old_key_, begun_ring, true},
      {"all was rewrapped", old_key_, new_ring, false},
      {"the old key was overwritten", std::string(DataKey::kBytes, 'x'), new_ring, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.step);
    WriteFile(files_.instance_key, c.key);
    WriteFile(next_, new_key);
    WriteFile(files_.ring, c.ring);
    auto ring = Open();
    ASSERT_NE(ring, nullptr);
    EXPECT_EQ(ring->is_rotating(), c.is_rotating);
    EXPECT_TRUE(IsAnnThere(*ring));
    ASSERT_TRUE(RotateInstanceKey(*ring, files_));
    EXPECT_FALSE(std::filesystem::exists(next_));
    EXPECT_NE(ReadFile(files_.instance_key), old_key_);
    ring.reset();
    EXPECT_TRUE(IsAnnThere(*Open()));
  }
}

// What a backup brings that was made during a rotation: the export of the new key was imported.
TEST_F(KeyRotation, ACopyOfARingInRotationGoesOnWithTheNewKeyInItsPlace) {
  MakeRing();
  const std::string new_key(DataKey::kBytes, 'n');
  WriteFile(files_.ring, BegunRing(new_key));
  WriteFile(files_.instance_key, new_key);
  auto ring = Open();
  ASSERT_TRUE(ring->is_rotating());
  const Result<RotateSummary> summary = RotateInstanceKey(*ring, files_);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->rewrapped, 1u);
  EXPECT_EQ(ReadFile(files_.instance_key), new_key);
  EXPECT_FALSE(std::filesystem::exists(next_));
  ring.reset();
  ring = Open();
  EXPECT_FALSE(ring->is_rotating());
  EXPECT_TRUE(IsAnnThere(*ring));
}

TEST_F(KeyRotation, ARingWhoseKeyIsLostGetsNoNewOne) {
  MakeRing();
  std::filesystem::remove(files_.instance_key);
  EXPECT_EQ(OpenKeyRing(files_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(files_.instance_key));
  WriteFile(files_.instance_key, old_key_);
  EXPECT_TRUE(IsAnnThere(*Open()));
}

TEST_F(KeyRotation, ACredentialOpensTheRingAndIsNotRotated) {
  WriteFile(folder_.path() / kInstanceKeyCredential, std::string(DataKey::kBytes, 'c'));
  files_.credentials_folder = folder_.path();
  MakeRing();
  EXPECT_FALSE(std::filesystem::exists(files_.instance_key));
  const auto ring = Open();
  EXPECT_TRUE(IsAnnThere(*ring));
  EXPECT_EQ(RotateInstanceKey(*ring, files_).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(next_));
}

}  // namespace
}  // namespace holdfast::crypto
