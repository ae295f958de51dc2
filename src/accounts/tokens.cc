#include "accounts/tokens.h"

#include "crypto/digest.h"
#include "crypto/random.h"

namespace holdfast::accounts {

Secret NewToken(std::string_view prefix) {
  constexpr std::size_t kTokenBytes = 32;
  return Secret(std::string(prefix) + crypto::RandomToken(kTokenBytes));
}

std::string TokenHash(std::string_view token) {
  crypto::Blake2b hash;
  hash.Update(token);
  return crypto::HexDigest(hash.Finish());
}

}  // namespace holdfast::accounts
