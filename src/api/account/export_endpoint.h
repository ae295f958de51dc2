// What somebody takes along: a ZIP of account.json, conversations.json (which import takes back)
// and each conversation as Markdown.
#pragma once

#include "api/account/desk_call.h"
#include "conversations/history.h"

namespace holdfast::api {

// The history must outlive the endpoint.
Endpoint ExportEndpoint(const AccountDesk& desk, conversations::History& history);

}  // namespace holdfast::api
