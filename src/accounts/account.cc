#include "accounts/account.h"

namespace holdfast::accounts {

Refused ToRefused(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDiskFull:
      return {Reason::kStoreDown, error.message};
    default:
      return {Reason::kInternal, error.message};
  }
}

Outcome<void> CheckMayEnter(const Account& account, TimeMs now) {
  if (account.IsRestricted(now)) {
    return Refuse(Reason::kAccountPaused, account.restriction->reason);
  }
  if (account.state == State::kPendingApproval) {
    return Refuse(Reason::kAccountPaused, "An operator has not approved this account yet.");
  }
  if (account.state == State::kPendingEmail) {
    return Refuse(Reason::kAccountPaused, "Open the link in the mail that was sent to you first.");
  }
  return {};
}

std::string_view RoleWord(Role role) { return role == Role::kOperator ? "operator" : "person"; }

Role RoleOf(std::string_view word) { return word == "operator" ? Role::kOperator : Role::kPerson; }

std::string_view StateWord(State state) {
  switch (state) {
    case State::kActive:
      return "active";
    case State::kPendingEmail:
      return "pending_email";
    case State::kPendingApproval:
      return "pending_approval";
  }
  return "pending_approval";
}

State StateOf(std::string_view word) {
  if (word == "active") return State::kActive;
  return word == "pending_email" ? State::kPendingEmail : State::kPendingApproval;
}

}  // namespace holdfast::accounts
