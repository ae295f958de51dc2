// The power goes: of what was written since the last sync, any piece may be there or not. Every
// such state of a ring must hold what was acknowledged before.
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_rounds.h"
#include "crypto/key_ring.h"
#include "crypto/test_disk.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

constexpr int kAccounts = 8;

DataKey NumberedKey(int number) {
  std::array<std::byte, DataKey::kBytes> bytes;
  bytes.fill(static_cast<std::byte>(number));
  return DataKey::FromBytes(bytes);
}

std::string Name(int number) { return "account-" + std::to_string(number); }

using Keys = std::map<int, std::shared_ptr<const DataKey>>;

// What the disk may hold at one moment, and what of it is certain.
struct Moment {
  std::string before, after;      // The file at the last sync and at this one.
  Keys keys;                      // Acknowledged.
  int instance_key;               // The last one that a Rotate was done with.
  std::optional<int> account;     // That is being made or destroyed.
  std::optional<int> rotated_to;  // The key that a Rotate is under way to.
};

class KeyRingPower : public testing::Test {
 protected:
  ~KeyRingPower() override {
    Disk().before_sync = nullptr;
    Disk().fails = false;
  }

  // Works on a ring, and keeps a moment at each sync.
  void Live(Random& random) {
    auto ring = KeyRing::Open(path_, NumberedKey(now_.instance_key));
    ASSERT_TRUE(ring);
    now_.after = ReadFile(path_);
    Disk().before_sync = [this] {
      now_.before = std::exchange(now_.after, ReadFile(path_));
      moments_.push_back(now_);
    };
    for (int i = 0; i < 40; ++i) {
      if (i % 10 == 9) {
        now_.rotated_to = now_.instance_key + 1;
        ASSERT_TRUE((*ring)->Rotate(NumberedKey(*now_.rotated_to)));
        now_.instance_key = *now_.rotated_to;
        now_.rotated_to.reset();
        continue;
      }
      const int account = static_cast<int>(random.Next() % kAccounts);
      now_.account = account;
      if (now_.keys.contains(account)) {
        ASSERT_TRUE((*ring)->Destroy(Name(account)));
        now_.keys.erase(account);
      } else {
        ASSERT_TRUE((*ring)->Make(Name(account)));
        now_.keys[account] = *(*ring)->Find(Name(account));
      }
      now_.account.reset();
    }
    Disk().before_sync = nullptr;
  }

  void Check(const Moment& moment, std::string_view bytes) {
    WriteFile(path_, bytes);
    std::optional<Result<std::unique_ptr<KeyRing>>> ring;
    if (moment.rotated_to) ring = KeyRing::Open(path_, NumberedKey(*moment.rotated_to));
    if (!ring || !*ring) ring = KeyRing::Open(path_, NumberedKey(moment.instance_key));
    ASSERT_TRUE(*ring) << ring->error().message;
    const auto check = [&] {
      for (int account = 0; account < kAccounts; ++account) {
        if (account == moment.account) continue;
        const auto found = (**ring)->Find(Name(account));
        const auto known = moment.keys.find(account);
        ASSERT_EQ(found.has_value(), known != moment.keys.end()) << account;
        if (found) {
          ASSERT_TRUE((*found)->Equals(*known->second)) << account;
        }
      }
    };
    check();
    if (!(**ring)->is_rotating()) return;
    const Result<RotateSummary> summary = (**ring)->Rotate(NumberedKey(*moment.rotated_to));
    ASSERT_TRUE(summary && summary->unreadable == 0);
    for (int account = 0; account < kAccounts; ++account) (**ring)->Forget(Name(account));
    check();
  }

  TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "keys";
  Moment now_{
      .before = {}, .after = {}, .keys = {}, .instance_key = 1, .account = {}, .rotated_to = {}};
  std::vector<Moment> moments_;
};

TEST_F(KeyRingPower, EveryStateOfTheDiskHoldsWhatWasAcknowledged) {
  for (int seed = 0; seed < TestRounds(3); ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed) + 1);
    std::filesystem::remove(path_);
    moments_.clear();
    now_ = {
        .before = {}, .after = {}, .keys = {}, .instance_key = 1, .account = {}, .rotated_to = {}};
    Live(random);
    ASSERT_GT(moments_.size(), 40u);
    for (const Moment& moment : moments_) {
      for (int cut = 0; cut < 3; ++cut) {
        Check(moment, AfterPowerCut(moment.before, moment.after, random));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST_F(KeyRingPower, AfterASyncThatFailedNothingIsWrittenUntilItIsOpenedAgain) {
  auto ring = KeyRing::Open(path_, NumberedKey(1));
  ASSERT_TRUE(ring && (*ring)->Make(Name(0)) && (*ring)->Make(Name(1)));
  Disk().fails = true;
  EXPECT_EQ((*ring)->Make(Name(2)).error().code, ErrorCode::kIo);
  Disk().fails = false;
  EXPECT_EQ((*ring)->Make(Name(3)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ((*ring)->Destroy(Name(0)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ((*ring)->Rotate(NumberedKey(2)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE((*ring)->Find(Name(0)));
  ring->reset();
  ring = KeyRing::Open(path_, NumberedKey(1));
  ASSERT_TRUE(ring);
  EXPECT_TRUE((*ring)->Make(Name(3)));
  Disk().fails = true;
  EXPECT_EQ((*ring)->Destroy(Name(0)).error().code, ErrorCode::kIo);
  EXPECT_EQ((*ring)->Find(Name(0)).error().code, ErrorCode::kNotFound);
  Disk().fails = false;
  ring->reset();
  ring = KeyRing::Open(path_, NumberedKey(1));
  Disk().fails = true;
  EXPECT_EQ((*ring)->Rotate(NumberedKey(2)).error().code, ErrorCode::kIo);
  EXPECT_TRUE((*ring)->Find(Name(1)));
}

}  // namespace
}  // namespace holdfast::crypto
