// What an OpenID provider sends: a token as it comes, claims under a good signature (so that more
// than the signature is reached), a set of keys, and metadata. The first byte chooses. Whatever is
// taken is what was asked for.
#include "oidc/id_token.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "fuzz/input.h"
#include "json/json.h"
#include "oidc/metadata.h"
#include "oidc/testing/tokens.h"

namespace holdfast::oidc {
namespace {

using testing::SigningKey;

constexpr std::int64_t kNow = 1'800'000'000;

const SigningKey& Signer() {
  static const SigningKey kKey = SigningKey::Ed25519();
  return kKey;
}

void CheckToken(const std::string& token, bool may_be_good) {
  static const KeySet kKeys({{"k", Signer().public_key()}});
  static const Expected kExpected{.issuer = "https://id.example",
                                  .client_id = "holdfast",
                                  .nonce = "n",
                                  .access_token = "a",
                                  .now_s = kNow};
  const auto claims = CheckIdToken(token, kKeys, kExpected);
  if (!claims) return;
  CHECK(may_be_good);
  CHECK(!claims->subject.empty() && claims->subject.size() <= kSubjectBytesMax);
  CHECK(!claims->is_email_verified || !claims->email.empty());
}

void CheckDocuments(const std::string& text, bool is_key_set) {
  if (is_key_set) {
    const auto keys = ReadKeySet(text);
    CHECK(!keys || (keys->size() > 0 && keys->size() <= kKeysMax));
    return;
  }
  const auto metadata = ReadMetadata(text, "https://id.example");
  if (!metadata) return;
  for (const http::Url* url : {&metadata->authorization, &metadata->token, &metadata->keys}) {
    CHECK(url->is_https && !url->host.empty() && url->target.starts_with('/'));
  }
}

}  // namespace
}  // namespace holdfast::oidc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const int what = input.Byte() % 4;
  const std::string rest(input.rest());
  if (what == 0) oidc::CheckToken(rest, false);
  if (what == 1) {
    const std::string head = R"({"alg":"EdDSA","kid":"k"})";
    oidc::CheckToken(oidc::testing::MakeToken(head, rest, oidc::Signer()), true);
  }
  if (what >= 2) oidc::CheckDocuments(rest, what == 2);
  return 0;
}
