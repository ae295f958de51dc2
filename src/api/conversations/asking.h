// Asking: what a person wants of a conversation: an answer to a new question, another answer to an
// old one, or the rest of one that was cut off; and what an engine is sent for it. Value types,
// free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "conversations/conversation.h"
#include "json/json.h"

namespace holdfast::api {

struct Asking {
  // nullopt: no new question.
  std::optional<std::string> question = {};
  // What the question follows, or the question that is asked again; nullopt: the beginning.
  std::optional<std::string> parent = {};
  // The answer to go on with.
  std::optional<std::string> continued = {};
  std::string model = {};  // Empty: not said.
  // Of the engine's request, beside the messages.
  json::Object options = {};
};

// {"parent", "content"} or {"parent", "regenerate": true} or {"continue"}, each with "model" and
// "options". Errors: kBadRequest, naming the field.
ApiResult<Asking> ReadAsking(std::string_view body);

// From the first message to `id`; empty: there is no such message. They borrow from `messages`.
std::vector<const conversations::Message*> WayTo(
    const std::vector<conversations::Message>& messages, std::string_view id);

// The way the conversation went to where the answer belongs. Errors: kNotFound (a message that is
// not there), kBadRequest (another answer to what is no question), kConflict (to go on with what
// was not cut off).
ApiResult<std::vector<const conversations::Message*>> WayOf(
    const Asking& asking, const std::vector<conversations::Message>& messages);

// The body for an engine: a stream of chat.completion.chunk events with usage. Thoughts and empty
// messages are left out. `way` ends where the answer belongs, before the new question.
std::string EngineBody(const Asking& asking, const std::vector<const conversations::Message*>& way);

}  // namespace holdfast::api
