// ClientData: what a browser says of an act with a passkey: which act, for which challenge, on a
// page of which origin. The passkey signs it, so it is kept as bytes beside this. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::accounts {

// Of those, browsers send some 200.
inline constexpr std::size_t kClientDataBytesMax = 4096;

enum class PasskeyAct : std::uint8_t { kCreate, kGet };

struct ClientData {
  std::string challenge;  // As it was sent: base64url.
  std::string origin;     // "https://chat.example"
};

// Errors: kInvalidArgument, kTooLarge (it is none, of another act, or of a page within a page of
// another origin).
[[nodiscard]] Result<ClientData> ReadClientData(std::string_view json, PasskeyAct act);

}  // namespace holdfast::accounts
