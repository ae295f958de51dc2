// What conversations are on the wire, beside what an export says (conversations/export.h), and the
// short forms of answers that their endpoints share. Free functions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/endpoint.h"
#include "api/reply.h"
#include "conversations/conversation.h"
#include "conversations/shares.h"
#include "json/json.h"

namespace holdfast::api {

// Of a list: without its messages.
json::Object JsonOf(const conversations::Conversation& conversation);
json::Object JsonOf(const conversations::ConversationTree& tree,
                    const std::optional<conversations::Share>& share);
json::Object JsonOf(const conversations::SharedConversation& shared);
// Where the page shows it.
std::string UrlOf(const conversations::Share& share);

net::Awaitable<ApiResult<void>> SendStatus(Reply& reply, int status, json::Value body);
net::Awaitable<ApiResult<void>> SendNothing(Reply& reply);

// A call that is one coroutine. `run` owns what it needs; the call keeps it while it runs.
std::unique_ptr<Call> Running(std::function<net::Awaitable<ApiResult<void>>(Reply&)> run);

}  // namespace holdfast::api
