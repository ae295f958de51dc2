#include "crypto/password_hash.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <sodium.h>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

constexpr std::string_view kPrefix = "$argon2id$v=19$m=";
constexpr std::size_t kSaltBytes = crypto_pwhash_argon2id_SALTBYTES;
static_assert(kPassphraseSaltBytes == crypto_pwhash_SALTBYTES);
constexpr std::size_t kHashBytes = 32;  // As libsodium's texts have.
constexpr int kMeasurements = 3;

// Takes `word` and the number after it off the front of `text`.
std::optional<std::uint64_t> TakeNumber(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return std::nullopt;
  text.remove_prefix(word.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// The cost that the text says, if it is one that we compute.
std::optional<PasswordCost> CostOf(std::string_view hash) {
  if (hash.size() >= crypto_pwhash_STRBYTES || hash.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto memory_kib = TakeNumber(hash, kPrefix);
  const auto passes = TakeNumber(hash, ",t=");
  const auto lanes = TakeNumber(hash, ",p=");
  if (!memory_kib || !passes || lanes != 1 || !hash.starts_with('$')) return std::nullopt;
  if (*memory_kib > kPasswordMemoryMax >> 10 || *passes > kPasswordPassesMax) return std::nullopt;
  return PasswordCost{.opslimit = *passes, .memlimit = *memory_kib << 10};
}

Result<void> CheckCost(const PasswordCost& cost) {
  if (cost.opslimit < crypto_pwhash_OPSLIMIT_MIN || cost.opslimit > kPasswordPassesMax) {
    return Fail(ErrorCode::kOutOfRange, "a password's hash takes 1 to {} passes, not {}",
                kPasswordPassesMax, cost.opslimit);
  }
  if (cost.memlimit < crypto_pwhash_MEMLIMIT_MIN || cost.memlimit > kPasswordMemoryMax) {
    return Fail(ErrorCode::kOutOfRange, "a password's hash takes {} to {} bytes, not {}",
                crypto_pwhash_MEMLIMIT_MIN, kPasswordMemoryMax, cost.memlimit);
  }
  return {};
}

Result<void> CheckLength(const Secret& password) {
  const std::size_t bytes = password.Reveal().size();
  if (bytes <= kPasswordBytesMax) return {};
  return Fail(ErrorCode::kTooLarge, "a password has at most {} bytes, not {}", kPasswordBytesMax,
              bytes);
}

Error NoMemory(const PasswordCost& cost) {
  return MakeError(ErrorCode::kResourceExhausted, "no {} bytes of memory for a password's hash",
                   cost.memlimit);
}

// The least of a few: what else the machine did only adds.
std::chrono::microseconds MeasureHere(const PasswordCost& cost) {
  const Secret password{std::string(16, 'p')};
  auto least = std::chrono::microseconds::max();
  for (int i = 0; i < kMeasurements; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    // Memory that cannot be had is as good as too slow.
    if (!HashPassword(password, cost)) return std::chrono::microseconds::max();
    least = std::min(least, std::chrono::duration_cast<std::chrono::microseconds>(
                                std::chrono::steady_clock::now() - begin));
  }
  return least;
}

}  // namespace

PasswordCost ChooseCost(std::chrono::milliseconds target, std::size_t memory_max,
                        const MeasureCost& measure) {
  memory_max = std::min(memory_max, kPasswordMemoryMax);
  PasswordCost cost;
  std::chrono::microseconds taken = measure(cost);
  while (cost.memlimit * 2 <= memory_max && taken <= target / 2) {
    const PasswordCost dearer{.opslimit = cost.opslimit, .memlimit = cost.memlimit * 2};
    const std::chrono::microseconds dearer_taken = measure(dearer);
    if (dearer_taken > target) break;
    cost = dearer;
    taken = dearer_taken;
  }
  // The time grows with the passes, and with nothing but them.
  taken = std::max(taken, std::chrono::microseconds(1));
  if (taken > target) return cost;
  const auto times = static_cast<double>(std::chrono::microseconds(target).count()) /
                     static_cast<double>(taken.count());
  const double passes =
      std::min(static_cast<double>(cost.opslimit) * times, static_cast<double>(kPasswordPassesMax));
  cost.opslimit = static_cast<std::uint64_t>(passes);
  return cost;
}

PasswordCost CalibrateCost(std::chrono::milliseconds target, std::size_t memory_max) {
  return ChooseCost(target, memory_max, MeasureHere);
}

Result<std::string> HashPassword(const Secret& password, const PasswordCost& cost) {
  CHECK(sodium_init() >= 0);
  TRY(CheckCost(cost));
  TRY(CheckLength(password));
  const std::string_view text = password.Reveal();
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), text.data(), text.size(), cost.opslimit, cost.memlimit,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Fail(NoMemory(cost));
  }
  return std::string(hash.data());
}

bool VerifyPassword(std::string_view hash, const Secret& password) {
  CHECK(sodium_init() >= 0);
  const std::string_view text = password.Reveal();
  if (text.size() > kPasswordBytesMax || !CostOf(hash)) return false;
  const std::string stored(hash);  // It ends with a zero, as libsodium needs it.
  return crypto_pwhash_str_verify(stored.c_str(), text.data(), text.size()) == 0;
}

bool NeedsRehash(std::string_view hash, const PasswordCost& cost) {
  const std::optional<PasswordCost> stored = CostOf(hash);
  if (!stored) return true;
  return stored->opslimit < cost.opslimit || stored->memlimit >> 10 < cost.memlimit >> 10;
}

std::string DummyHash(const PasswordCost& cost) {
  const auto unpadded = [](std::size_t bytes) {
    std::string text = EncodeBase64(RandomBytes(bytes));
    text.erase(text.find_last_not_of('=') + 1);
    return text;
  };
  return fmt::format("{}{},t={},p=1${}${}", kPrefix, cost.memlimit >> 10, cost.opslimit,
                     unpadded(kSaltBytes), unpadded(kHashBytes));
}

Result<DataKey> DeriveKey(const Secret& passphrase, std::string_view salt,
                          const PasswordCost& cost) {
  CHECK(sodium_init() >= 0);
  CHECK(salt.size() == kPassphraseSaltBytes);
  TRY(CheckCost(cost));
  TRY(CheckLength(passphrase));
  const std::string_view text = passphrase.Reveal();
  std::array<std::byte, DataKey::kBytes> bytes;
  if (crypto_pwhash(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                    text.size(), reinterpret_cast<const unsigned char*>(salt.data()), cost.opslimit,
                    cost.memlimit, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Fail(NoMemory(cost));
  }
  DataKey key = DataKey::FromBytes(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

}  // namespace holdfast::crypto
