// The endpoints of conversations, all of them: one's own history, answers in it, search, links and
// import. What is not the caller's is kNotFound.
#pragma once

#include <cstddef>
#include <vector>

#include "api/conversations/service.h"
#include "api/endpoint.h"

namespace holdfast::api {

struct BodySizes {
  std::size_t body_bytes_max = 0;    // Of the process's bodies.
  std::size_t import_bytes_max = 0;  // Of a file of conversations.
};

// The service must outlive them.
std::vector<Endpoint> ConversationEndpoints(ConversationService& service, const BodySizes& limits);

}  // namespace holdfast::api
