// What somebody hears who was let in: the account and its cookie; or what a second factor is shown
// with. Thread-safe; blocks.
#pragma once

#include "accounts/accounts.h"
#include "api/account/desk_call.h"

namespace holdfast::api {

accounts::Outcome<Answered> Welcome(accounts::Accounts& desk, const accounts::LoggedIn& in,
                                    int status, const Asked& asked);

}  // namespace holdfast::api
