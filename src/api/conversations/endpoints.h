// The endpoints of conversations, all of them: one's own history, answers in it, search, links and
// import. What is not the caller's is kNotFound.
#pragma once

#include <vector>

#include "api/conversations/service.h"
#include "api/endpoint.h"

namespace holdfast::api {

// The service must outlive them. `body_bytes_max`: of the process's bodies.
std::vector<Endpoint> ConversationEndpoints(ConversationService& service,
                                            std::size_t body_bytes_max);

}  // namespace holdfast::api
