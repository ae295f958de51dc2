// POST /api/conversations/{id}/messages: a question and its answer, and what follows or stops one
// that is under way. See docs/decisions/0017-answers-go-on.md.
#pragma once

#include <vector>

#include "api/conversations/service.h"
#include "api/endpoint.h"

namespace holdfast::api {

// Ask, follow, stop. The service must outlive them.
std::vector<Endpoint> AnswerEndpoints(ConversationService& service, std::size_t body_bytes_max);

}  // namespace holdfast::api
