// The endpoints of accounts: getting in, one's own account, and what operators do with accounts.
#pragma once

#include <functional>
#include <vector>

#include "api/account/desk_call.h"
#include "api/account/guard_desk.h"
#include "api/account/provider_desk.h"

namespace holdfast::api {

std::vector<Endpoint> EntranceEndpoints(const AccountDesk& desk, const ProviderDesk& providers);
// Proofs of work before an answer.
std::vector<Endpoint> ChallengeEndpoints(const AccountDesk& desk);
std::vector<Endpoint> OwnAccountEndpoints(const AccountDesk& desk);
// Log-ins at providers; they outlive the endpoints.
std::vector<Endpoint> ProviderEndpoints(const AccountDesk& desk, ProviderDesk& providers);
std::vector<Endpoint> PasskeyEndpoints(const AccountDesk& desk);
std::vector<Endpoint> OperatorEndpoints(const AccountDesk& desk);
// The guard's decisions, for operators; the desk outlives the endpoints.
std::vector<Endpoint> GuardEndpoints(const AccountDesk& desk, const GuardDesk& guard);

}  // namespace holdfast::api
