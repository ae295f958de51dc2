#include "crypto/key_ring_copy.h"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/key_ring.h"
#include "crypto/key_ring_format.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

DataKey Same(const DataKey& key) { return DataKey::FromBytes(key.Reveal()); }

// The parts of a copy, by number; one that begins anew replaces them.
class Parts {
 public:
  Result<KeyRingFacts> CopyFrom(const std::filesystem::path& path) {
    return CopyKeyRing(path, [&](std::int64_t number, std::string_view bytes) -> Result<void> {
      if (number == 0) parts_.clear();
      parts_[number] = bytes;
      if (on_part) on_part(number);
      return {};
    });
  }
  Result<KeyRingFacts> PlaceAt(const std::filesystem::path& path) const {
    auto part = parts_.begin();
    return PlaceKeyRing(path, [&]() -> Result<std::optional<std::string>> {
      if (part == parts_.end()) return std::nullopt;
      return (part++)->second;
    });
  }
  std::map<std::int64_t, std::string>& parts() { return parts_; }

  std::function<void(std::int64_t)> on_part;

 private:
  std::map<std::int64_t, std::string> parts_;
};

std::unique_ptr<KeyRing> OpenRing(const std::filesystem::path& path, const DataKey& key) {
  auto ring = KeyRing::Open(path, Same(key));
  EXPECT_TRUE(ring) << ring.error().message;
  return ring ? std::move(*ring) : nullptr;
}

class KeyRingCopyTest : public ::testing::Test {
 protected:
  std::filesystem::path ring_path() const { return folder_.path() / "keys"; }
  std::filesystem::path copy_path() const { return folder_.path() / "copy"; }

  TestFolder folder_;
  DataKey key_ = DataKey::Random();
};

TEST_F(KeyRingCopyTest, OpensWithTheSameKeyAndHoldsTheSameKeys) {
  constexpr int kAccounts = 1'000;  // More than one part has room for.
  const auto ring = OpenRing(ring_path(), key_);
  for (int i = 0; i < kAccounts; ++i) ASSERT_TRUE(ring->Make(fmt::format("account-{}", i)));
  ASSERT_TRUE(ring->Destroy("account-7"));

  Parts parts;
  const auto facts = parts.CopyFrom(ring_path());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(parts.parts().size(), 3u);
  const auto placed = parts.PlaceAt(copy_path());
  ASSERT_TRUE(placed) << placed.error().message;
  for (const KeyRingFacts& one : {*facts, *placed}) {
    EXPECT_EQ(one.account_count, kAccounts - 1u);
    EXPECT_EQ(one.instance_key_id, EncodeHex(KeyId(key_)));
    EXPECT_EQ(one.damaged_count, 0u);
  }
  const auto copy = OpenRing(copy_path(), key_);
  EXPECT_EQ(copy->account_count(), kAccounts - 1u);
  EXPECT_TRUE((*copy->Find("account-999"))->Equals(**ring->Find("account-999")));
  EXPECT_FALSE(copy->Find("account-7"));
}

// A key is rewrapped, made and destroyed in every place of a copy, by a ring that is in use.
TEST_F(KeyRingCopyTest, LosesNoKeyWhileTheRingIsRotatedAndWritten) {
  constexpr int kAccounts = 900, kCopies = 12;
  const auto ring = OpenRing(ring_path(), key_);
  for (int i = 0; i < kAccounts; ++i) ASSERT_TRUE(ring->Make(fmt::format("account-{}", i)));

  std::mutex mutex;
  std::map<std::string, DataKey> keys;  // All instance keys that there were, by id.
  keys.emplace(EncodeHex(KeyId(key_)), Same(key_));
  std::atomic<bool> is_done = false;
  std::thread writer([&] {
    for (int i = 0; !is_done; ++i) {
      const DataKey next = DataKey::Random();
      {
        const std::lock_guard lock(mutex);
        keys.emplace(EncodeHex(KeyId(next)), Same(next));
      }
      EXPECT_TRUE(ring->Rotate(Same(next)));
      EXPECT_TRUE(ring->Make(fmt::format("guest-{}", i)));
      if (i % 2 == 1) {
        EXPECT_TRUE(ring->Destroy(fmt::format("guest-{}", i)));
      }
    }
  });
  int copies = 0;
  for (int i = 0; i < kCopies; ++i) {
    Parts parts;
    const auto facts = parts.CopyFrom(ring_path());
    // Rotations follow one another without a pause, as no operator does.
    if (!facts && facts.error().code == ErrorCode::kUnavailable) continue;
    ASSERT_TRUE(facts) << facts.error().message;
    ++copies;
    std::filesystem::remove(copy_path());
    ASSERT_TRUE(parts.PlaceAt(copy_path()));
    const std::lock_guard lock(mutex);
    const auto copy = OpenRing(copy_path(), keys.at(facts->instance_key_id));
    ASSERT_NE(copy, nullptr);
    for (int account = 0; account < kAccounts; ++account) {
      const std::string id = fmt::format("account-{}", account);
      const auto found = copy->Find(id);
      ASSERT_TRUE(found) << id;
      ASSERT_TRUE((*found)->Equals(**ring->Find(id))) << id;
    }
  }
  is_done = true;
  writer.join();
  EXPECT_GT(copies, 0);
}

TEST_F(KeyRingCopyTest, BeginsAnewWhenARotationBeganOrEndedMeanwhile) {
  const auto ring = OpenRing(ring_path(), key_);
  ASSERT_TRUE(ring->Make("ada"));
  const DataKey next = DataKey::Random();
  Parts parts;
  int begun = 0;
  parts.on_part = [&](std::int64_t number) {
    if (number == 0 && ++begun == 1) {
      EXPECT_TRUE(ring->Rotate(Same(next)));
    }
  };
  const auto facts = parts.CopyFrom(ring_path());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(facts->instance_key_id, EncodeHex(KeyId(next)));
  ASSERT_TRUE(parts.PlaceAt(copy_path()));
  EXPECT_TRUE(OpenRing(copy_path(), next)->Find("ada"));
}

TEST_F(KeyRingCopyTest, GivesUpWhenRotationsDoNotEnd) {
  const auto ring = OpenRing(ring_path(), key_);
  Parts parts;
  int begun = 0;
  parts.on_part = [&](std::int64_t) {
    ++begun;
    EXPECT_TRUE(ring->Rotate(DataKey::Random()));
  };
  const auto facts = parts.CopyFrom(ring_path());
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(begun, kKeyRingCopyTriesMax);
}

TEST_F(KeyRingCopyTest, IsCutOffByWhoTakesIt) {
  OpenRing(ring_path(), key_);
  const auto facts = CopyKeyRing(ring_path(), [](std::int64_t, std::string_view) -> Result<void> {
    return Fail(ErrorCode::kDiskFull, "no room");
  });
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::kDiskFull);
}

TEST_F(KeyRingCopyTest, PlacesNothingThatIsNoRingAndNothingOverAnother) {
  OpenRing(ring_path(), key_);
  Parts whole;
  ASSERT_TRUE(whole.CopyFrom(ring_path()));
  const auto refused = [&](const std::map<std::int64_t, std::string>& parts) {
    Parts bad;
    bad.parts() = parts;
    const auto placed = bad.PlaceAt(copy_path());
    EXPECT_FALSE(std::filesystem::exists(copy_path()));
    return placed ? ErrorCode::kInternal : placed.error().code;
  };
  EXPECT_EQ(refused({}), ErrorCode::kCorrupt);
  EXPECT_EQ(refused({{0, "short"}}), ErrorCode::kCorrupt);
  EXPECT_EQ(refused({{0, std::string(key_ring_format::kSlotsBegin, 'x')}}), ErrorCode::kCorrupt);
  const auto over = whole.PlaceAt(ring_path());
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kAlreadyExists);
  // Nothing else is left in the folder.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(KeyRingCopyTest, SaysThatThereIsNoRing) {
  Parts parts;
  const auto facts = parts.CopyFrom(ring_path());
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::crypto
