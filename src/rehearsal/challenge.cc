#include "rehearsal/challenge.h"

#include <cstdint>
#include <string>

#include "crypto/digest.h"

namespace holdfast::rehearsal {
namespace {

// 22 bits take a second or so; a harder challenge is left unsolved, and the sign-up is refused.
constexpr std::uint64_t kNoncesMax = 1ULL << 22;

bool HasZeroBits(const crypto::Digest256& digest, std::int64_t bits) {
  for (std::int64_t bit = 0; bit < bits; ++bit) {
    if ((digest[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

}  // namespace

json::Value SolveChallenge(std::string_view registration) {
  const Result<json::Value> value = json::Parse(registration);
  if (!value || !value->is_object()) return nullptr;
  const Result<const json::Object*> asked = json::RequireObject(value->get_object(), "challenge");
  if (!asked) return nullptr;
  const Result<std::string> seed = json::RequireString(**asked, "seed");
  const Result<std::int64_t> bits = json::RequireInt(**asked, "bits", 0, 64);
  if (!seed || !bits) return nullptr;
  for (std::uint64_t nonce = 0; nonce < kNoncesMax; ++nonce) {
    crypto::Sha256 digest;
    digest.Update(fmt::format("{}:{}", *seed, nonce));
    if (HasZeroBits(digest.Finish(), *bits)) {
      return json::Object{{"seed", *seed}, {"nonce", std::to_string(nonce)}};
    }
  }
  return nullptr;
}

}  // namespace holdfast::rehearsal
