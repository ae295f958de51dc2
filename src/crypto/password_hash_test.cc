#include "crypto/password_hash.h"

#include <chrono>

#include <gtest/gtest.h>
#include <sodium.h>

#include "crypto/encoding.h"

namespace holdfast::crypto {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr PasswordCost kCheap{.opslimit = 1, .memlimit = 64 << 10};

Secret Password(std::string_view text) { return Secret{std::string(text)}; }

TEST(PasswordHash, IsArgon2idWithASaltOfItsOwnAndFitsItsPasswordAlone) {
  const Secret password = Password("correct horse battery staple");
  const Result<std::string> hash = HashPassword(password, kCheap);
  ASSERT_TRUE(hash) << hash.error().message;
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << *hash;
  EXPECT_TRUE(VerifyPassword(*hash, password));
  EXPECT_FALSE(VerifyPassword(*hash, Password("correct horse battery stapl")));
  EXPECT_FALSE(VerifyPassword(*hash, Password("")));
  EXPECT_NE(*HashPassword(password, kCheap), *hash);
}

// A vector of the reference implementation's own tests: 64 MiB, two passes.
TEST(PasswordHash, VerifiesATextOfTheReferenceImplementation) {
  constexpr std::string_view kHash =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(VerifyPassword(kHash, Password("password")));
  EXPECT_FALSE(VerifyPassword(kHash, Password("passwore")));
}

TEST(PasswordHash, TakesAZeroAndAnyByteAsPartOfThePassword) {
  const Result<std::string> hash = HashPassword(Password({"a\0b", 3}), kCheap);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(VerifyPassword(*hash, Password({"a\0b", 3})));
  EXPECT_FALSE(VerifyPassword(*hash, Password({"a\0c", 3})));
  EXPECT_FALSE(VerifyPassword(*hash, Password("a")));
}

TEST(PasswordHash, RefusesWhatIsOverItsLimits) {
  const Secret longest{std::string(kPasswordBytesMax, 'x')};
  const Secret longer{std::string(kPasswordBytesMax + 1, 'x')};
  const Result<std::string> hash = HashPassword(longest, kCheap);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(VerifyPassword(*hash, longest));
  EXPECT_FALSE(VerifyPassword(*hash, longer));
  EXPECT_EQ(HashPassword(longer, kCheap).error().code, ErrorCode::kTooLarge);
  const PasswordCost bad[] = {{.opslimit = 0, .memlimit = 64 << 10},
                              {.opslimit = kPasswordPassesMax + 1, .memlimit = 64 << 10},
                              {.opslimit = 1, .memlimit = 1024},
                              {.opslimit = 1, .memlimit = kPasswordMemoryMax + 1}};
  for (const PasswordCost& cost : bad) {
    EXPECT_EQ(HashPassword(longest, cost).error().code, ErrorCode::kOutOfRange);
  }
}

TEST(PasswordHash, AStoredTextThatIsDamagedOrTooDearFitsNothingAndComputesNothing) {
  const std::string hash = *HashPassword(Password("p"), kCheap);
  const std::string rest = hash.substr(hash.find("$", 20));
  const std::string cases[] = {
      "",
      "$argon2id$",
      "$argon2id$v=19$m=",
      "$argon2i$v=19$m=64,t=1,p=1" + rest,
      "$argon2id$v=16$m=64,t=1,p=1" + rest,
      "$argon2id$v=19$m=64,t=1,p=2" + rest,
      "$argon2id$v=19$m=4194304,t=1,p=1" + rest,
      "$argon2id$v=19$m=64,t=4000000000,p=1" + rest,
      "$argon2id$v=19$m=99999999999999999999,t=1,p=1" + rest,
      hash + "x",
      hash + std::string(1, '\0'),
      hash.substr(0, hash.size() - 1),
      std::string(1000, '$'),
  };
  for (const std::string& text : cases) {
    EXPECT_FALSE(VerifyPassword(text, Password("p"))) << text;
  }
  EXPECT_TRUE(NeedsRehash("", kCheap));
}

TEST(PasswordHash, NeedsRehashWhenItWasMadeForLess) {
  const std::string hash = *HashPassword(Password("p"), {.opslimit = 2, .memlimit = 64 << 10});
  EXPECT_FALSE(NeedsRehash(hash, {.opslimit = 2, .memlimit = 64 << 10}));
  EXPECT_FALSE(NeedsRehash(hash, {.opslimit = 1, .memlimit = 32 << 10}));
  EXPECT_TRUE(NeedsRehash(hash, {.opslimit = 3, .memlimit = 64 << 10}));
  EXPECT_TRUE(NeedsRehash(hash, {.opslimit = 2, .memlimit = 128 << 10}));
}

TEST(PasswordHash, ADummyIsComputedLikeAHashAndFitsNothing) {
  const PasswordCost cost{.opslimit = 3, .memlimit = 64 << 10};
  const std::string dummy = DummyHash(cost);
  EXPECT_EQ(dummy.size(), HashPassword(Password("p"), cost)->size());
  EXPECT_FALSE(NeedsRehash(dummy, cost));
  EXPECT_FALSE(VerifyPassword(dummy, Password("p")));
  // libsodium reads it to its end, which it says by another word than for a text it cannot read.
  EXPECT_EQ(crypto_pwhash_str_needs_rehash(dummy.c_str(), cost.opslimit, cost.memlimit), 0);
}

// Computed by OpenSSL's Argon2id: 256 KiB, two passes.
TEST(DeriveKey, IsArgon2idOfPassphraseAndSalt) {
  const PasswordCost cost{.opslimit = 2, .memlimit = 256 << 10};
  const Result<DataKey> key = DeriveKey(Password("password"), "saltsaltsaltsalt", cost);
  ASSERT_TRUE(key) << key.error().message;
  const std::string_view bytes(reinterpret_cast<const char*>(key->Reveal().data()),
                               DataKey::kBytes);
  EXPECT_EQ(EncodeHex(bytes), "77f80d9cd31f6a7ba66a8ee4afe947b98e864bd54b527f01e3dfcbc1703efd24");
  EXPECT_FALSE(key->Equals(*DeriveKey(Password("passwore"), "saltsaltsaltsalt", cost)));
  EXPECT_FALSE(key->Equals(*DeriveKey(Password("password"), "saltsaltsaltsalu", cost)));
  EXPECT_EQ(DeriveKey(Password("password"), "saltsaltsaltsalt", {.opslimit = 0}).error().code,
            ErrorCode::kOutOfRange);
}

// A machine whose time grows with memory and passes, as Argon2's does.
MeasureCost Machine(double mib_passes_per_ms) {
  return [=](const PasswordCost& cost) {
    const double work =
        static_cast<double>(cost.memlimit >> 20) * static_cast<double>(cost.opslimit);
    return microseconds(static_cast<std::int64_t>(work / mib_passes_per_ms * 1000));
  };
}

TEST(PasswordCost, TakesMemoryFirstThenPassesAndNeverGoesBelowTheMinimum) {
  constexpr std::size_t kMiB = 1 << 20;
  const struct {
    double mib_passes_per_ms;
    int target_ms;
    std::size_t memory_max;
    PasswordCost expected;
  } cases[] = {
      {1.0, 250, 1024 * kMiB, {.opslimit = 3, .memlimit = 76 * kMiB}},
      {1.0, 250, 64 * kMiB, {.opslimit = 6, .memlimit = 38 * kMiB}},
      {1.0, 250, 1 * kMiB, {.opslimit = 13, .memlimit = 19 * kMiB}},
      {0.01, 250, 1024 * kMiB, {}},
      {1.0, 0, 1024 * kMiB, {}},
      {1e9, 250, 1024 * kMiB, {.opslimit = kPasswordPassesMax, .memlimit = 608 * kMiB}},
      {1e9, 250, ~std::size_t{0}, {.opslimit = kPasswordPassesMax, .memlimit = 608 * kMiB}},
  };
  for (const auto& c : cases) {
    const PasswordCost cost =
        ChooseCost(milliseconds(c.target_ms), c.memory_max, Machine(c.mib_passes_per_ms));
    EXPECT_EQ(cost.opslimit, c.expected.opslimit) << c.target_ms;
    EXPECT_EQ(cost.memlimit, c.expected.memlimit) << c.target_ms;
  }
}

TEST(PasswordCost, AMachineWithoutTheMemoryKeepsToTheMinimum) {
  const auto none = [](const PasswordCost&) { return microseconds::max(); };
  EXPECT_EQ(ChooseCost(milliseconds(250), kPasswordMemoryMax, none), PasswordCost{});
}

TEST(PasswordCost, OfThisMachineIsOneThatItComputes) {
  const PasswordCost cost = CalibrateCost(milliseconds(1), kPasswordMemoryMin);
  EXPECT_GE(cost.opslimit, kPasswordPassesMin);
  EXPECT_EQ(cost.memlimit, kPasswordMemoryMin);
  EXPECT_TRUE(HashPassword(Password("p"), cost));
}

}  // namespace
}  // namespace holdfast::crypto
