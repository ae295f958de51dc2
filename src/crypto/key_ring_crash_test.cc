// A child works on a key ring and tells what it begins and what was acknowledged; it is killed at a
// random moment. Whatever was acknowledged must hold after that.
#include <array>
#include <chrono>
#include <map>
#include <optional>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test_rounds.h"
#include "crypto/key_ring.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

namespace format = key_ring_format;

constexpr int kAccounts = 300;  // More than are rewrapped at once.
constexpr int kLives = 4;       // Of one ring.

enum class Act : std::uint8_t { kMake, kDestroy, kRotate };

// One line of the child's report; written at once, as it is shorter than a pipe's piece.
struct Report {
  Act act;
  bool is_done;
  std::uint16_t number;  // Of the account, or of the instance key.
  std::array<std::byte, DataKey::kBytes> key;
};

DataKey NumberedKey(int number) {
  std::array<std::byte, DataKey::kBytes> bytes;
  bytes.fill(static_cast<std::byte>(number));
  return DataKey::FromBytes(bytes);
}

std::array<std::byte, DataKey::kBytes> BytesOf(const DataKey& key) {
  std::array<std::byte, DataKey::kBytes> bytes;
  std::ranges::copy(key.Reveal(), bytes.begin());
  return bytes;
}

std::string Name(int number) { return "account-" + std::to_string(number); }

void Tell(int pipe, const Report& report) {
  if (::write(pipe, &report, sizeof report) != sizeof report) ::_exit(2);
}

// Never returns. Its errors end it with a status that the parent takes for a failure.
[[noreturn]] void Work(const std::filesystem::path& path, int instance_key, std::uint64_t seed,
                       int pipe) {
  auto ring = KeyRing::Open(path, NumberedKey(instance_key));
  if (!ring) ::_exit(3);
  Random random(seed);
  const auto rotate = [&](int to) {
    Report report{
        .act = Act::kRotate, .is_done = false, .number = static_cast<std::uint16_t>(to), .key = {}};
    Tell(pipe, report);
    if (!(*ring)->Rotate(NumberedKey(to))) ::_exit(4);
    report.is_done = true;
    Tell(pipe, report);
  };
  if ((*ring)->is_rotating()) rotate(instance_key);
  for (;;) {
    if (random.Next() % 4 == 0) rotate(++instance_key);
    const int number = static_cast<int>(random.Next() % kAccounts);
    const bool is_there = (*ring)->Find(Name(number)).has_value();
    Report report{.act = is_there ? Act::kDestroy : Act::kMake,
                  .is_done = false,
                  .number = static_cast<std::uint16_t>(number),
                  .key = {}};
    Tell(pipe, report);
    const Result<void> done =
        is_there ? (*ring)->Destroy(Name(number)) : (*ring)->Make(Name(number));
    if (!done) ::_exit(5);
    if (!is_there) report.key = BytesOf(**(*ring)->Find(Name(number)));
    report.is_done = true;
    Tell(pipe, report);
  }
}

// What must be in the ring, and what a cut-off act may have made of it.
struct Expected {
  std::map<int, std::array<std::byte, DataKey::kBytes>> keys;
  int instance_key = 1;
  std::optional<Report> begun;

  void Take(const Report& report) {
    begun.reset();
    if (!report.is_done) begun = report;
    if (!report.is_done) return;
    if (report.act == Act::kMake) keys[report.number] = report.key;
    if (report.act == Act::kDestroy) keys.erase(report.number);
    if (report.act == Act::kRotate) instance_key = report.number;
  }
};

void LiveAndDie(const std::filesystem::path& path, Random& random, Expected& expected) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::uint64_t seed = random.Next();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) Work(path, expected.instance_key, seed, ends[1]);
  ::close(ends[1]);
  Report report;
  const auto take = [&] {
    if (::read(ends[0], &report, sizeof report) != sizeof report) return false;
    expected.Take(report);
    return true;
  };
  for (std::uint64_t left = random.Next() % 24; left > 0 && take(); --left) {
  }
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::microseconds(random.Next() % 3000);
  while (std::chrono::steady_clock::now() < until) {
  }
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
  while (take()) {
  }
  ::close(ends[0]);
}

// With the new key if a rotation had begun and is in the file; else with the one before.
std::unique_ptr<KeyRing> OpenAfter(const std::filesystem::path& path, Expected& expected) {
  if (expected.begun && expected.begun->act == Act::kRotate) {
    auto ring = KeyRing::Open(path, NumberedKey(expected.begun->number));
    if (ring) {
      expected.instance_key = expected.begun->number;
      return std::move(*ring);
    }
    EXPECT_EQ(ring.error().code, ErrorCode::kPermissionDenied) << ring.error().message;
  }
  auto ring = KeyRing::Open(path, NumberedKey(expected.instance_key));
  if (!ring) ADD_FAILURE() << ring.error().message;
  return ring ? std::move(*ring) : nullptr;
}

void CheckRing(KeyRing& ring, Expected& expected) {
  for (int number = 0; number < kAccounts; ++number) {
    const auto found = ring.Find(Name(number));
    const auto known = expected.keys.find(number);
    const bool is_open_question =
        expected.begun && expected.begun->act != Act::kRotate && expected.begun->number == number;
    if (is_open_question) {
      if (!found) expected.keys.erase(number);
      if (found && known == expected.keys.end()) expected.keys[number] = BytesOf(**found);
      continue;
    }
    ASSERT_EQ(found.has_value(), known != expected.keys.end()) << number;
    if (found) {
      ASSERT_EQ(BytesOf(**found), known->second) << number;
    }
  }
  EXPECT_EQ(ring.damaged_count(), 0u);
  expected.begun.reset();
}

TEST(KeyRingCrash, NothingAcknowledgedIsLostWhenTheProcessIsKilledAtAnyMoment) {
  for (int seed = 0; seed < TestRounds(6); ++seed) {
    SCOPED_TRACE(seed);
    TestFolder folder;
    const std::filesystem::path path = folder.path() / "keys";
    Expected expected;
    ASSERT_TRUE(KeyRing::Open(path, NumberedKey(1)));
    std::string bytes = ReadFile(path);
    for (int number = 0; number < kAccounts; number += 1 + number % 2) {
      const DataKey key = DataKey::Random();
      expected.keys[number] = BytesOf(key);
      bytes += format::WriteSlot(Name(number), key, 1, NumberedKey(1));
    }
    WriteFile(path, bytes);
    Random random(static_cast<std::uint64_t>(seed) + 1);
    for (int life = 0; life < kLives; ++life) {
      LiveAndDie(path, random, expected);
      const std::unique_ptr<KeyRing> ring = OpenAfter(path, expected);
      ASSERT_NE(ring, nullptr);
      CheckRing(*ring, expected);
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace holdfast::crypto
