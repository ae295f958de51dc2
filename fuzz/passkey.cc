// Passkeys: whatever a browser may send, an attestation object, an authenticator's data or client
// data, is read or refused; and what is read keeps its promises. The first byte says which it is.
#include "crypto/passkey.h"

#include <cstdint>
#include <iterator>

#include "accounts/client_data.h"
#include "base/check.h"
#include "crypto/cbor.h"
#include "fuzz/input.h"

namespace holdfast::fuzz {
namespace {

constexpr std::string_view kHost = "localhost";

// A credential that was read can be asked for a signature: nothing that it holds ends the process.
void CheckNew(std::string_view attestation) {
  const auto made = crypto::ReadNewPasskey(attestation, kHost);
  if (!made) return;
  CHECK(made->credential_id.size() >= crypto::kCredentialIdBytesMin);
  CHECK(made->credential_id.size() <= crypto::kCredentialIdBytesMax);
  CHECK(crypto::PasskeyAlgorithmOf(static_cast<std::int64_t>(made->key.algorithm)));
  CHECK(!crypto::CheckAssertion({attestation, "{}", attestation}, made->key, kHost));
}

// A key and what it is to have signed.
void CheckShown(Input input) {
  constexpr crypto::PasskeyAlgorithm kAlgorithms[] = {crypto::PasskeyAlgorithm::kEs256,
                                                      crypto::PasskeyAlgorithm::kEdDsa,
                                                      crypto::PasskeyAlgorithm::kRs256};
  crypto::PasskeyKey key;
  key.algorithm = kAlgorithms[input.Byte() % std::size(kAlgorithms)];
  const std::size_t key_bytes = input.Byte() + 256u * (input.Byte() % 2);
  std::string_view rest = input.rest();
  key.bytes = rest.substr(0, key_bytes);
  rest.remove_prefix(key.bytes.size());
  const std::size_t half = rest.size() / 2;
  (void)crypto::CheckAssertion({rest, "{}", rest.substr(half)}, key, kHost);
  (void)crypto::CheckAssertion({rest.substr(0, half), "{}", rest.substr(half)}, key, kHost);
}

void CheckClientData(std::string_view text) {
  const auto data = accounts::ReadClientData(text, accounts::PasskeyAct::kGet);
  if (data) CHECK(!accounts::ReadClientData(text, accounts::PasskeyAct::kCreate));
}

// An item that is read over ends within the bytes, and takes one at least.
void CheckItem(std::string_view bytes) {
  crypto::CborReader reader(bytes);
  if (reader.Skip()) CHECK(reader.rest().size() < bytes.size());
  CHECK(reader.rest().size() <= bytes.size());
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  switch (input.Byte() % 4) {
    case 0:
      fuzz::CheckNew(input.rest());
      break;
    case 1:
      fuzz::CheckShown(input);
      break;
    case 2:
      fuzz::CheckClientData(input.rest());
      break;
    default:
      fuzz::CheckItem(input.rest());
  }
  return 0;
}
