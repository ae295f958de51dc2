// Account and Identity: a person with an account, and who a request comes from. Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "base/result.h"

namespace holdfast::accounts {

// Milliseconds since 1970, as they are stored and told.
using TimeMs = std::int64_t;

enum class Role : std::uint8_t { kPerson, kOperator };

enum class State : std::uint8_t {
  kActive,
  kPendingEmail,     // The code sent by mail has not come back.
  kPendingApproval,  // No operator has said yes.
};

// Told to the person in full: why, and until when.
struct Restriction {
  std::string reason;
  std::optional<TimeMs> until;  // nullopt: until an operator lifts it.
};

struct Account {
  std::string id;
  std::string name;
  std::optional<std::string> email;
  bool is_email_verified = false;
  bool has_password = false;  // Without one, its owner comes from a provider.
  Role role = Role::kPerson;
  State state = State::kActive;
  std::optional<Restriction> restriction;  // Also one that is over; see IsRestricted.
  TimeMs created_at = 0;
  TimeMs last_seen_at = 0;
  std::optional<std::int64_t> tokens_per_day;  // nullopt: as the service has it.
  // nullopt: as the service has it; 0: no limit but the guard's.
  std::optional<std::int64_t> requests_at_once;
  std::optional<std::int64_t> balance;  // Tokens left; nullopt: it is not counted.
  TimeMs probation_until = 0;           // See probation.h; 0: none.

  bool IsRestricted(TimeMs now) const {
    return restriction && (!restriction->until || now < *restriction->until);
  }
};

// Of a limit of requests at once. More is no limit: the guard admits fewer.
inline constexpr std::int64_t kRequestsAtOnceMax = 1'000'000;

// What an API key may do. Empty lists: everything.
struct KeyScope {
  std::vector<std::string> models;
  std::vector<std::string> routes;
};

// Who asks. Empty ids: there is none.
struct Identity {
  std::string account_id;
  std::string name;
  Role role = Role::kPerson;
  TimeMs created_at = 0;  // Of the account.
  TimeMs probation_until = 0;
  bool is_email_verified = false;
  std::string session_id;
  TimeMs confirmed_at = 0;  // When this session last showed that it is them; 0: never.
  // When it last came from a provider that had its owner show anew who they are; 0: never.
  TimeMs provider_login_at = 0;
  std::string key_id;
  KeyScope scope;

  bool has_account() const { return !account_id.empty(); }
  bool has_session() const { return !session_id.empty(); }
  bool is_operator() const { return has_session() && role == Role::kOperator; }
};

// Why not: a reason for the caller, and words for the log.
struct Refused {
  Reason reason = Reason::kInternal;
  std::string detail;
  // When trying again may work, where that is known better than the reason says.
  std::optional<std::int64_t> retry_after_ms = {};
};

template <typename T = void>
using Outcome = std::expected<T, Refused>;

inline std::unexpected<Refused> Refuse(Reason reason, std::string detail = {}) {
  return std::unexpected(Refused{reason, std::move(detail)});
}

// Whether somebody who has shown that it is theirs may use it now. Errors: kAccountPaused, with
// words for the person.
Outcome<void> CheckMayEnter(const Account& account, TimeMs now);

// A database that is away or busy says so; all else of it is internal.
Refused ToRefused(const Error& error);

std::string_view RoleWord(Role role);
std::string_view StateWord(State state);
Role RoleOf(std::string_view word);
State StateOf(std::string_view word);

}  // namespace holdfast::accounts

// Passes up the failure of a Result as a Refused.
#define TRY_STORE(declaration, expression) \
  TRY_STORE_INNER(HOLDFAST_CONCAT(store_result_, __LINE__), declaration, expression)
#define TRY_STORE_INNER(result, declaration, ...)                                       \
  auto&& result = (__VA_ARGS__);                                                        \
  if (!result) return std::unexpected(::holdfast::accounts::ToRefused(result.error())); \
  declaration = std::move(*result)
