// The endpoints of accounts: getting in, one's own account, and what operators do with accounts.
#pragma once

#include <functional>
#include <vector>

#include "api/account/desk_call.h"

namespace holdfast::api {

// What the guard makes of registrations now.
struct GuardRegistration {
  bool is_restricted = false;
  accounts::TimeMs since = 0;
  int challenge_bits = 0;
};

std::vector<Endpoint> EntranceEndpoints(const AccountDesk& desk,
                                        std::function<GuardRegistration()> guard);
std::vector<Endpoint> OwnAccountEndpoints(const AccountDesk& desk);
std::vector<Endpoint> PasskeyEndpoints(const AccountDesk& desk);
std::vector<Endpoint> OperatorEndpoints(const AccountDesk& desk);

}  // namespace holdfast::api
