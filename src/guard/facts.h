// What the guard knows of a caller and of a request: plain facts, gathered at the door. Identities
// come as keyed hashes made there (never a raw address or name); 0 means absent. No prompt, no
// answer, nothing a person typed. Value types.
#pragma once

#include <algorithm>
#include <cstdint>

#include "guard/clock.h"
#include "guard/refusal.h"

namespace holdfast::guard {

enum class Route : std::uint8_t {
  kPage,      // The web page and its files.
  kRegister,  // Signing up.
  kLogin,
  kChat,  // An answer in the web chat.
  kApi,   // An answer over the public API.
};
inline constexpr int kRouteCount = static_cast<int>(Route::kApi) + 1;

constexpr bool IsGeneration(Route route) { return route == Route::kChat || route == Route::kApi; }

// Who is asking, by what is known of them; the order is the order in which classes are shed.
enum class Standing : std::uint8_t {
  kAnonymous,  // No account.
  kNew,        // An account without history of ordinary use.
  kHistory,    // An account with days of ordinary use behind it.
};
inline constexpr int kStandingCount = static_cast<int>(Standing::kHistory) + 1;

// Keyed hashes that name a caller at several levels. One caller has one of each.
struct Caller {
  std::uint64_t address = 0;      // IPv4 address, or IPv6 /64.
  std::uint64_t prefix = 0;       // IPv4 /24, or IPv6 /48.
  std::uint64_t account = 0;      // 0: none.
  std::uint64_t key = 0;          // API key; 0: none.
  std::uint64_t fingerprint = 0;  // Order and kind of headers and TLS hello.
  // Of a log-in: a device that this account was logged in with before; 0: none that shows it.
  std::uint64_t device = 0;

  // The finest identity that a limit or a share can hold to account.
  std::uint64_t client() const { return account != 0 ? account : key != 0 ? key : address; }
};

struct RequestFacts {
  Time time{};
  Caller caller;
  // Similarity sketch of the prompt: near-equal prompts share it. Of a sign-up: of its form.
  std::uint64_t payload = 0;
  std::uint32_t prompt_tokens = 0;  // 0: not counted yet; then estimated from the bytes.
  std::uint32_t prompt_bytes = 0;
  std::uint32_t tokens_max = 0;  // max_tokens asked for, 0: not given. Of each answer.
  std::uint16_t choices = 1;     // Answers asked for to the one prompt (n).
  Duration patience{0};          // How long the caller says it will wait; 0: not said.
  Route route = Route::kChat;
  Standing standing = Standing::kAnonymous;
  std::uint8_t attempt = 0;     // 0: the first; above: a retry (x-stainless-retry-count).
  bool is_batch = false;        // Nobody waits in front of a screen.
  bool paid_challenge = false;  // As hard as it was asked for; checked at the door.
  bool is_regular = false;      // Was served in quiet time; Door says so, whatever it is told.

  // Of a sign-up (Route::kRegister) only.
  Duration form_time{-1};  // From loading the form to sending it; 0: never loaded; -1: not known.
  bool has_disposable_mail = false;  // The address is of a known throw-away domain.
  bool gives_mail = false;           // An address that can be asked to confirm.
  // Or confirmed a code sent to its mail address; of a log-in, too.
  bool has_invitation = false;
};

// How a request ended.
enum class Ending : std::uint8_t {
  kServed,     // Answered in full.
  kRefused,    // Said no to, with a Refusal.
  kAbandoned,  // The caller left before the end.
  kFailed,     // The service broke it: engine lost, deadline passed in the engine.
};
inline constexpr int kEndingCount = static_cast<int>(Ending::kFailed) + 1;

struct OutcomeFacts {
  Time time{};  // Of the end.
  Time arrival{};
  Caller caller;
  Route route = Route::kChat;
  Ending ending = Ending::kServed;
  Refusal refusal = Refusal::kNone;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  // Of all its answers.
  Duration first_token{0};          // From arrival; 0 when there was none.
  Duration token_interval{0};       // Mean between output tokens; 0 with fewer than two.
  bool was_read = false;            // The caller took every byte as it came.
  bool failed_login = false;        // Wrong name or password (Route::kLogin only).
};

// What the service promises; an answer outside it is lost to the one who asked.
struct ServiceLevel {
  Duration first_token_max = std::chrono::seconds(10);
  Duration token_interval_max = std::chrono::milliseconds(250);

  bool IsGood(const OutcomeFacts& outcome) const {
    return outcome.ending == Ending::kServed && outcome.first_token <= first_token_max &&
           outcome.token_interval <= token_interval_max;
  }
};

}  // namespace holdfast::guard
