// Registration: who may make an account, as the operator has set it. The guard may ask for more
// while sign-ups surge (guard/entrance/registration.h, asked at the door), and never for less. Both
// are told to whoever wants to come in.
//
//   open        a name and a password
//   email       a mail address too, from which a link must come back
//   domains     the same, of the listed domains only
//   invitation  a code that an operator gave
//   approval    an operator says yes to each
//   closed      nobody
//
// People who have an account never notice a change. Thread-safe; blocks on the database.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "store/database.h"

namespace holdfast::accounts {

enum class Mode : std::uint8_t { kOpen, kEmail, kDomains, kInvitation, kApproval, kClosed };
inline constexpr int kModeCount = static_cast<int>(Mode::kClosed) + 1;

std::string_view ModeWord(Mode mode);
std::optional<Mode> FindMode(std::string_view word);

inline constexpr std::size_t kDomainsMax = 100;

struct RegistrationRules {
  Mode mode = Mode::kClosed;
  std::vector<std::string> domains;  // Of kDomains; folded.
  TimeMs since = 0;
};

// What the guard asks of one whom it lets make an account, beyond the operator's mode.
struct GuardTerms {
  bool needs_email = false;
  bool is_on_probation = false;
};

// What somebody who wants an account sends, but for the password.
struct SignUpForm {
  std::string name;
  std::optional<std::string> email;
  std::string invitation;
  GuardTerms guard = {};
};

// How the account is to be made.
struct SignUpTerms {
  State state = State::kActive;
  std::optional<std::string> email;  // Only where the mode asks for one.
  bool uses_invitation = false;
};

class Registration {
 public:
  // `mode` holds until an operator sets another.
  [[nodiscard]] static Outcome<std::unique_ptr<Registration>> Open(store::Database& database,
                                                                   Mode mode, TimeMs now);

  RegistrationRules rules();
  // Errors: kBadRequest (no domains where the mode needs them, or what is none).
  Outcome<void> SetRules(Mode mode, const std::vector<std::string>& domains, TimeMs now);

  // What the mode makes of this form; `has_invitation`: its code is good. Errors:
  // kRegistrationClosed, kInvitationRequired, kBadRequest.
  Outcome<SignUpTerms> TermsOf(const SignUpForm& form, bool has_invitation);

 private:
  Registration(store::Database& database, RegistrationRules rules)
      : database_(database), rules_(std::move(rules)) {}

  store::Database& database_;
  std::mutex mutex_;
  RegistrationRules rules_;
};

// Whether a mode asks for a mail address.
bool NeedsEmail(Mode mode);

}  // namespace holdfast::accounts
