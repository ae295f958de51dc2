#include "api/conversations/asking.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "api/fields.h"
#include "api/limits.h"

namespace holdfast::api {
namespace {

using conversations::Message;
using conversations::MessageState;
using conversations::Role;

constexpr std::size_t kIdBytesMax = 64;

// What an engine checks the values of.
constexpr auto kOptions = std::to_array<std::string_view>(
    {"temperature", "top_p", "max_tokens", "max_completion_tokens", "frequency_penalty",
     "presence_penalty", "seed", "stop", "reasoning_effort", "response_format"});

ApiResult<std::optional<std::string>> ReadId(const Fields& fields, std::string_view key) {
  TRY_ASSIGN(std::string id, fields.String(key, "", kIdBytesMax));
  if (id.empty()) return std::optional<std::string>();
  return std::optional(std::move(id));
}

ApiResult<json::Object> ReadOptions(const Fields& fields) {
  if (fields.Find("options") == nullptr) return json::Object();
  TRY_ASSIGN(const json::Object* options, fields.Object("options"));
  for (const auto& member : *options) {
    if (std::ranges::find(kOptions, std::string_view(member.key())) == kOptions.end()) {
      return FailApi(Reason::kBadRequest, "This is none of the options of an answer.",
                     fmt::format("options.{}", std::string_view(member.key())));
    }
  }
  return *options;
}

json::Object WireMessage(std::string_view role, std::string_view content) {
  return {{"role", role}, {"content", content}};
}

}  // namespace

ApiResult<Asking> ReadAsking(std::string_view body) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  const Fields fields(object);
  Asking asking;
  TRY_ASSIGN(asking.parent, ReadId(fields, "parent"));
  TRY_ASSIGN(asking.continued, ReadId(fields, "continue"));
  TRY_ASSIGN(asking.model, fields.String("model", "", kModelBytesMax));
  TRY_ASSIGN(asking.options, ReadOptions(fields));
  TRY_ASSIGN(const bool is_again, fields.Bool("regenerate", false));
  if (asking.continued) {
    if (is_again || asking.parent || fields.Find("content") != nullptr) {
      return FailApi(Reason::kBadRequest, "'continue' stands alone.", "continue");
    }
    return asking;
  }
  if (is_again) {
    if (fields.Find("content") != nullptr) {
      return FailApi(Reason::kBadRequest, "An old question has its content already.", "content");
    }
    if (!asking.parent) {
      return FailApi(Reason::kBadRequest, "'parent' is the question to answer again.", "parent");
    }
    return asking;
  }
  TRY_ASSIGN(asking.question, fields.String("content", "", conversations::kMessageBytesMax));
  if (asking.question->empty()) {
    return FailApi(Reason::kBadRequest, "There is no question.", "content");
  }
  return asking;
}

std::vector<const Message*> WayTo(const std::vector<Message>& messages, std::string_view id) {
  std::unordered_map<std::string_view, const Message*> by_id;
  for (const Message& message : messages) by_id.emplace(message.id, &message);
  std::vector<const Message*> way;
  for (auto at = by_id.find(id); at != by_id.end() && way.size() < messages.size();) {
    way.push_back(at->second);
    at = at->second->parent ? by_id.find(*at->second->parent) : by_id.end();
  }
  std::ranges::reverse(way);
  return way;
}

ApiResult<std::vector<const Message*>> WayOf(const Asking& asking,
                                             const std::vector<Message>& messages) {
  const std::optional<std::string>& end = asking.continued ? asking.continued : asking.parent;
  if (!end) return std::vector<const Message*>();
  std::vector<const Message*> way = WayTo(messages, *end);
  if (way.empty()) return FailApi(Reason::kNotFound, "There is no such message.", "parent");
  const Message& last = *way.back();
  if (!asking.continued && !asking.question && last.role != Role::kUser) {
    return FailApi(Reason::kBadRequest, "Only a question can be answered again.", "parent");
  }
  if (asking.question && last.state == MessageState::kStreaming) {
    return FailApi(Reason::kConflict, "The answer before it is still being written.", "parent");
  }
  const bool is_cut_off = last.role == Role::kAssistant && last.state != MessageState::kDone &&
                          last.state != MessageState::kStreaming;
  if (asking.continued && !is_cut_off) {
    return FailApi(Reason::kConflict, "This is not an answer that was cut off.", "continue");
  }
  return way;
}

std::string EngineBody(const Asking& asking, const std::vector<const Message*>& way) {
  json::Array messages;
  for (const Message* const message : way) {
    if (message->content.empty()) continue;
    messages.emplace_back(WireMessage(RoleName(message->role), message->content));
  }
  if (asking.question) messages.emplace_back(WireMessage("user", *asking.question));
  json::Object body = asking.options;
  // An answer that was cut off before its first word begins anew.
  if (asking.continued && !way.empty() && !way.back()->content.empty()) {
    body["continue_final_message"] = true;
    body["add_generation_prompt"] = false;
  }
  if (!asking.model.empty()) body["model"] = asking.model;
  body["messages"] = std::move(messages);
  body["stream"] = true;
  body["stream_options"] = json::Object{{"include_usage", true}};
  return json::Write(std::move(body));
}

}  // namespace holdfast::api
