#include "crypto/key_ring.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "crypto/digest.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

namespace format = key_ring_format;

DataKey NumberedKey(int number) {
  std::array<std::byte, DataKey::kBytes> bytes;
  bytes.fill(static_cast<std::byte>(number));
  return DataKey::FromBytes(bytes);
}

std::string Name(int number) { return "account-" + std::to_string(number); }

class KeyRingTest : public testing::Test {
 protected:
  std::unique_ptr<KeyRing> Open(int key = 1, const KeyRingOptions& options = {}) {
    Result<std::unique_ptr<KeyRing>> ring = KeyRing::Open(path_, NumberedKey(key), options);
    if (!ring) ADD_FAILURE() << ring.error().message;
    return ring ? std::move(*ring) : nullptr;
  }
  Result<void> OpenError(int key) {
    const auto ring = KeyRing::Open(path_, NumberedKey(key));
    return ring ? Result<void>() : Fail(ring.error());
  }
  // A ring under key 1 that is being rewrapped by key 2; `slots` follow its header.
  void WriteRotating(std::string_view slots) {
    format::Header header;
    header.key_id = KeyId(NumberedKey(1));
    header.is_rotating = true;
    header.next_key_id = KeyId(NumberedKey(2));
    header.sealed_key = SealKey(NumberedKey(2), NumberedKey(1), format::kKeyBeforePlace);
    std::string bytes = format::WriteHeader(header) + format::WriteHeader(header);
    bytes.resize(format::kSlotsBegin, '\0');
    WriteFile(path_, bytes.append(slots));
  }

  TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "keys";
};

TEST_F(KeyRingTest, GivesEachAccountAKeyOfItsOwnThatOutlivesAReopening) {
  auto ring = Open();
  ASSERT_TRUE(ring->Make("ann"));
  ASSERT_TRUE(ring->Make(std::string(32, 'b')));
  const auto ann = ring->Find("ann"), ben = ring->Find(std::string(32, 'b'));
  ASSERT_TRUE(ann && ben);
  EXPECT_FALSE((*ann)->Equals(**ben));
  ring.reset();
  ring = Open();
  EXPECT_EQ(ring->account_count(), 2u);
  EXPECT_TRUE((*ring->Find("ann"))->Equals(**ann));
  EXPECT_TRUE((*ring->Find(std::string(32, 'b')))->Equals(**ben));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(KeyRingTest, RefusesWhatItCannotHold) {
  auto ring = Open(1, {.accounts_max = 3});
  EXPECT_EQ(ring->Make("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ring->Make(std::string(33, 'a')).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ring->Find("nobody").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ring->Destroy("nobody").error().code, ErrorCode::kNotFound);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  EXPECT_EQ(ring->Make(Name(0)).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(ring->Make(Name(3)).error().code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(ring->Destroy(Name(1)));
  EXPECT_TRUE(ring->Make(Name(3)));
}

TEST_F(KeyRingTest, DestroyLeavesNothingOfTheKeyInFileOrMemoryAndTheSlotIsUsedAgain) {
  auto ring = Open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  const std::string slot =
      ReadFile(path_).substr(format::kSlotsBegin + format::kSlotBytes, format::kSlotBytes);
  ASSERT_EQ(format::ParseSlot(slot).account_id, Name(1));
  const std::weak_ptr<const DataKey> key = *ring->Find(Name(1));
  ASSERT_TRUE(ring->Destroy(Name(1)));
  EXPECT_TRUE(key.expired());
  EXPECT_EQ(ring->Find(Name(1)).error().code, ErrorCode::kNotFound);
  const std::string bytes = ReadFile(path_);
  const std::size_t sealed = format::WrapOffset(1) + 8;
  for (std::size_t at = sealed; at + 8 <= sealed + kSealedKeyBytes; at += 8) {
    EXPECT_EQ(bytes.find(slot.substr(at, 8)), std::string::npos) << at;
  }
  ASSERT_TRUE(ring->Make(Name(3)));
  EXPECT_EQ(ReadFile(path_).size(), bytes.size());
  ring.reset();
  ring = Open();
  EXPECT_EQ(ring->Find(Name(1)).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(ring->Find(Name(3)));
}

TEST_F(KeyRingTest, KeepsAFewUnwrappedKeysAndForgetsOneWhenTold) {
  auto ring = Open(1, {.cached_max = 2});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  std::weak_ptr<const DataKey> keys[3];
  for (int i = 0; i < 2; ++i) keys[i] = *ring->Find(Name(i));
  keys[0] = *ring->Find(Name(0));  // Now 1 is unused for longest.
  keys[2] = *ring->Find(Name(2));
  EXPECT_FALSE(keys[0].expired());
  EXPECT_TRUE(keys[1].expired());
  ring->Forget(Name(0));
  ring->Forget("nobody");
  EXPECT_TRUE(keys[0].expired());
  EXPECT_TRUE(ring->Find(Name(0)));
}

TEST_F(KeyRingTest, OpensWithItsInstanceKeyAloneAndOnlyOnce) {
  auto ring = Open();
  ASSERT_TRUE(ring->Make("ann"));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kFailedPrecondition);
  ring.reset();
  EXPECT_EQ(OpenError(2).error().code, ErrorCode::kPermissionDenied);
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(KeyRingTest, RotateWrapsEveryKeyAnewAndTheOldKeyOpensNothing) {
  auto ring = Open();
  std::vector<std::shared_ptr<const DataKey>> keys;
  // More than one batch.
  std::string bytes = ReadFile(path_);
  ring.reset();
  for (int i = 0; i < 600; ++i) {
    bytes += format::WriteSlot(Name(i), NumberedKey(i % 200), 1, NumberedKey(1));
  }
  WriteFile(path_, bytes);
  ring = Open();
  for (int key = 2; key < 5; ++key) {
    const Result<RotateSummary> summary = ring->Rotate(NumberedKey(key));
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->rewrapped, 600u);
    EXPECT_EQ(summary->unreadable, 0u);
    EXPECT_FALSE(ring->is_rotating());
    EXPECT_EQ(ring->Rotate(NumberedKey(key))->rewrapped, 0u);  // Nothing is left to do.
    ASSERT_TRUE(ring->Make("new" + std::to_string(key)));
    ASSERT_TRUE(ring->Destroy("new" + std::to_string(key)));
    ring.reset();
    EXPECT_EQ(OpenError(key - 1).error().code, ErrorCode::kPermissionDenied);
    ring = Open(key);
    for (int i = 0; i < 600; ++i) {
      const auto found = ring->Find(Name(i));
      ASSERT_TRUE(found) << found.error().message;
      ASSERT_TRUE((*found)->Equals(NumberedKey(i % 200))) << i;
    }
    // No old form stays in the file.
    const std::string file = ReadFile(path_);
    for (std::size_t at = format::kSlotsBegin; at < file.size(); at += format::kSlotBytes) {
      ASSERT_FALSE(format::HasWrap(std::string_view(file).substr(at, format::kSlotBytes),
                                   static_cast<std::uint32_t>(key - 1)));
    }
  }
}

TEST_F(KeyRingTest, WhileItRotatesItOpensWithTheNewKeyAndGoesOn) {
  WriteRotating(format::WriteSlot(Name(0), NumberedKey(70), 1, NumberedKey(1)) +
                format::WriteSlot(Name(1), NumberedKey(71), 2, NumberedKey(2)));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(OpenError(3).error().code, ErrorCode::kPermissionDenied);
  auto ring = Open(2);
  EXPECT_TRUE(ring->is_rotating());
  EXPECT_TRUE((*ring->Find(Name(0)))->Equals(NumberedKey(70)));
  EXPECT_TRUE((*ring->Find(Name(1)))->Equals(NumberedKey(71)));
  ASSERT_TRUE(ring->Make(Name(2)));
  EXPECT_EQ(ring->Rotate(NumberedKey(3)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(ring->Rotate(NumberedKey(2))->rewrapped, 1u);
  EXPECT_FALSE(ring->is_rotating());
  ring.reset();
  ring = Open(2);
  EXPECT_TRUE((*ring->Find(Name(0)))->Equals(NumberedKey(70)));
  EXPECT_TRUE(ring->Find(Name(2)));
}

// The machine stops while a slot is written: any of its first bytes may be there.
TEST_F(KeyRingTest, ATornSlotIsIgnoredAndUsedAgain) {
  ASSERT_TRUE(Open()->Make(Name(0)));
  const std::string before = ReadFile(path_);
  const std::string slot = format::WriteSlot(Name(1), NumberedKey(71), 1, NumberedKey(1));
  const std::size_t whole = format::WrapOffset(1) + format::kWrapBytes;
  for (std::size_t length = 0; length < whole; ++length) {
    WriteFile(path_, before + slot.substr(0, length));
    auto ring = Open();
    ASSERT_EQ(ring->account_count(), 1u) << length;
    ASSERT_TRUE(ring->Find(Name(0)));
    ASSERT_TRUE(ring->Make(Name(1)));
    ASSERT_EQ(ReadFile(path_).size(), before.size() + format::kSlotBytes) << length;
  }
  WriteFile(path_, before + slot.substr(0, whole));
  EXPECT_TRUE((*Open()->Find(Name(1)))->Equals(NumberedKey(71)));
}

TEST_F(KeyRingTest, ATornRewrappingLeavesTheKeyReadableAtEveryByte) {
  const std::string old_slot = format::WriteSlot(Name(0), NumberedKey(70), 1, NumberedKey(1));
  std::string both = old_slot;
  both.replace(format::WrapOffset(2), format::kWrapBytes,
               format::WriteWrap(Name(0), NumberedKey(70), 2, NumberedKey(2)));
  std::string wiped = both;
  wiped.replace(format::WrapOffset(1), format::kWrapBytes, std::string(format::kWrapBytes, 'x'));
  const std::string* steps[] = {&old_slot, &both, &wiped};
  for (int step = 0; step < 2; ++step) {
    for (std::size_t length = 0; length <= format::kSlotBytes; ++length) {
      WriteRotating(steps[step + 1]->substr(0, length) + steps[step]->substr(length));
      auto ring = Open(2);
      const auto key = ring->Find(Name(0));
      ASSERT_TRUE(key && (*key)->Equals(NumberedKey(70))) << step << " " << length;
      if (length % 16 != 0) continue;  // Each Rotate syncs a few times.
      ASSERT_EQ(ring->Rotate(NumberedKey(2))->unreadable, 0u);
      ring.reset();
      ASSERT_TRUE((*Open(2)->Find(Name(0)))->Equals(NumberedKey(70))) << step << " " << length;
    }
  }
}

TEST_F(KeyRingTest, ATornHeaderCopyIsWrittenAnewFromTheOther) {
  auto ring = Open();
  ASSERT_TRUE(ring->Make(Name(0)));
  const std::string before = ReadFile(path_);
  ASSERT_TRUE(ring->Rotate(NumberedKey(2)));
  ring.reset();
  const std::string after = ReadFile(path_);
  for (int copy = 0; copy < format::kHeaderCopies; ++copy) {
    for (std::size_t length = 0; length < format::kHeaderBytes; length += 7) {
      std::string torn = after;
      const std::size_t at = static_cast<std::size_t>(copy) * format::kHeaderBytes;
      torn.replace(at + length, format::kHeaderBytes - length,
                   before.substr(at + length, format::kHeaderBytes - length));
      WriteFile(path_, torn);
      ASSERT_TRUE(Open(2)->Find(Name(0))) << copy << " " << length;
      const std::string mended = ReadFile(path_);
      EXPECT_EQ(mended.substr(0, format::kHeaderBytes),
                mended.substr(format::kHeaderBytes, format::kHeaderBytes));
    }
  }
}

TEST_F(KeyRingTest, ADamagedFileIsSaidAndAnAccountOfADamagedSlotIsNotAnother) {
  auto ring = Open();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  ring.reset();
  const std::string whole = ReadFile(path_);
  const auto damaged = [&](std::size_t at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    WriteFile(path_, bytes);
  };
  // Both headers; then none of the ring is read.
  WriteFile(path_, std::string(format::kSlotsBegin, 'x') + whole.substr(format::kSlotsBegin));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kCorrupt);
  WriteFile(path_, whole.substr(0, 100));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kCorrupt);
  WriteFile(path_, "");
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kCorrupt);
  // The name in a slot: its wrapped key is kept, and its slot is not used again.
  damaged(format::kSlotsBegin + 10);
  ring = Open();
  EXPECT_EQ(ring->damaged_count(), 1u);
  EXPECT_EQ(ring->Find(Name(0)).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(ring->Find(Name(1)));
  ASSERT_TRUE(ring->Make(Name(2)));
  EXPECT_EQ(ReadFile(path_).size(), whole.size() + format::kSlotBytes);
  ring.reset();
  // Two slots of one account.
  WriteFile(path_, whole + whole.substr(format::kSlotsBegin, format::kSlotBytes));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kCorrupt);
}

TEST_F(KeyRingTest, AWrappedKeyMovedToAnotherAccountDoesNotOpen) {
  auto ring = Open();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  ring.reset();
  std::string bytes = ReadFile(path_);
  const std::size_t from = format::kSlotsBegin + format::WrapOffset(1);
  bytes.replace(from + format::kSlotBytes, format::kWrapBytes,
                bytes.substr(from, format::kWrapBytes));
  WriteFile(path_, bytes);
  ring = Open();
  EXPECT_TRUE(ring->Find(Name(0)));
  EXPECT_EQ(ring->Find(Name(1)).error().code, ErrorCode::kCorrupt);
  const Result<RotateSummary> summary = ring->Rotate(NumberedKey(2));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->rewrapped, 1u);
  EXPECT_EQ(summary->unreadable, 1u);
  EXPECT_TRUE(ring->Find(Name(0)));
}

TEST_F(KeyRingTest, OfALaterVersionIsLeftAlone) {
  Open().reset();
  std::string bytes = ReadFile(path_);
  std::string header = bytes.substr(0, format::kHeaderBytes);
  header[8] = 2;
  Blake2b hash;
  hash.Update(std::string_view(header).substr(0, 480));
  const Digest256 digest = hash.Finish();
  header.replace(480, 32, reinterpret_cast<const char*>(digest.data()), 32);
  WriteFile(path_, bytes.replace(0, header.size(), header));
  EXPECT_EQ(OpenError(1).error().code, ErrorCode::kUnsupported);
}

// A file-size limit stands for the full disk.
TEST_F(KeyRingTest, OnAFullDiskMakeFailsAndTheRingGoesOn) {
  auto ring = Open();
  ASSERT_TRUE(ring->Make(Name(0)));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlim_t bytes = format::kSlotsBegin + format::kSlotBytes + 100;
    const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Result<void> made = ring->Make(Name(1));
    const bool is_error =
        !made && (made.error().code == ErrorCode::kIo || made.error().code == ErrorCode::kDiskFull);
    const bool goes_on = ring->Find(Name(0)) && ring->Destroy(Name(0)) && ring->Make(Name(2)) &&
                         !ring->Find(Name(1));
    ::_exit(is_error && goes_on ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ring.reset();
  ring = Open();
  EXPECT_EQ(ring->account_count(), 1u);
  EXPECT_TRUE(ring->Find(Name(2)));
}

TEST_F(KeyRingTest, ServesManyThreadsWhileItRotates) {
  const auto ring = Open(1, {.cached_max = 4});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ring->Make(Name(i)));
  std::vector<std::shared_ptr<const DataKey>> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(*ring->Find(Name(i)));
  std::atomic<bool> is_over = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<std::uint64_t>(t) + 1);
      while (!is_over) {
        const int account = static_cast<int>(random.Next() % 20);
        const auto key = ring->Find(Name(account));
        if (!key || !(*key)->Equals(*keys[static_cast<std::size_t>(account)])) ++failures;
        if (random.Next() % 8 == 0) ring->Forget(Name(account));
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i) {
      if (!ring->Make("own") || !ring->Find("own") || !ring->Destroy("own")) ++failures;
    }
  });
  for (int key = 2; key < 8; ++key) {
    if (!ring->Rotate(NumberedKey(key))) ++failures;
  }
  threads.back().join();
  threads.pop_back();
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace holdfast::crypto
