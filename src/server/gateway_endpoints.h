// The endpoints of a gateway, all of them. Free function.
#pragma once

#include <string>
#include <vector>

#include "api/account/desk_call.h"
#include "api/account/guard_desk.h"
#include "api/account/provider_desk.h"
#include "api/conversations/endpoints.h"
#include "api/conversations/service.h"
#include "api/endpoint.h"
#include "http/static_files.h"
#include "metrics/registry.h"
#include "server/live_door.h"
#include "upstream/pool.h"

namespace holdfast::server {

// What it takes must outlive the endpoints. `document` becomes /openapi.json.
std::vector<api::Endpoint> GatewayEndpoints(
    upstream::Pool& pool, LiveDoor& door, const api::AccountDesk& desk, const api::GuardDesk& guard,
    api::ProviderDesk& providers, api::ConversationService& conversations,
    const http::StaticFiles& web, const metrics::Registry& registry, const api::BodySizes& sizes,
    std::string& document);

}  // namespace holdfast::server
