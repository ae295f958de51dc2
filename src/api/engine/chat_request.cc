#include "api/engine/chat_request.h"

#include <limits>
#include <optional>
#include <utility>

namespace holdfast::api {
namespace {

using Role = tokenizer::ChatMessage::Role;

std::optional<Role> FindRole(std::string_view name) {
  if (name == "system" || name == "developer") return Role::kSystem;
  if (name == "user") return Role::kUser;
  if (name == "assistant") return Role::kAssistant;
  if (name == "tool") return Role::kTool;
  return std::nullopt;
}

// A string, or an array of parts of type text. Only an assistant's may be missing.
ApiResult<std::string> ParseContent(const Fields& message, Role role) {
  const json::Value* const value = message.Find("content");
  const std::string path = message.Path("content");
  if (value == nullptr) {
    if (role == Role::kAssistant) return std::string{};
    return FailApi(Reason::kBadRequest, fmt::format("'{}' is missing", path), path);
  }
  if (value->is_string()) return std::string(value->as_string());
  if (!value->is_array()) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("'{}' must be a string or an array of parts", path), path);
  }
  TRY_ASSIGN(const json::Array* const parts, message.Array("content", kContentPartsMax));
  std::string content;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    const json::Value& part = (*parts)[i];
    if (!part.is_object()) {
      return FailApi(Reason::kBadRequest, fmt::format("'{}' must be an object", part_path),
                     part_path);
    }
    const Fields fields(part.as_object(), part_path);
    TRY_ASSIGN(const std::string type, fields.String("type", "", 64));
    if (type != "text") {
      return FailApi(
          Reason::kUnsupported,
          fmt::format("'{}': this model reads parts of type 'text' only", fields.Path("type")),
          fields.Path("type"));
    }
    TRY_ASSIGN(const std::string text,
               fields.String("text", "", std::numeric_limits<std::size_t>::max()));
    content += text;
  }
  return content;
}

ApiResult<void> ParseMessages(const Fields& fields, ChatRequest& request) {
  TRY_ASSIGN(const json::Array* const messages, fields.Array("messages", kMessagesMax));
  if (messages == nullptr || messages->empty()) {
    return FailApi(Reason::kBadRequest, "'messages' must have at least one message", "messages");
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const std::string path = fmt::format("messages[{}]", i);
    const json::Value& value = (*messages)[i];
    if (!value.is_object()) {
      return FailApi(Reason::kBadRequest, fmt::format("'{}' must be an object", path), path);
    }
    const Fields message(value.as_object(), path);
    TRY_ASSIGN(const std::string role_name, message.String("role", "", 64));
    const std::optional<Role> role = FindRole(role_name);
    if (!role) {
      return FailApi(
          Reason::kBadRequest,
          fmt::format("'{}.role' must be system, developer, user, assistant or tool", path),
          path + ".role");
    }
    TRY(message.Refuse("tool_calls", "this model calls no tools"));
    TRY_ASSIGN(std::string content, ParseContent(message, *role));
    request.messages.push_back({*role, std::move(content)});
    TRY_ASSIGN(const bool is_prefix, message.Bool("prefix", false));
    if (!is_prefix) continue;
    if (i + 1 != messages->size() || *role != Role::kAssistant) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'{}.prefix' is only for a last message of the assistant", path),
                     path + ".prefix");
    }
    request.continues_last = true;
  }
  return {};
}

// vLLM's words for what DeepSeek's API says with `prefix` on the message. As there, a request that
// wants both to go on with a message and to open a new one is refused.
ApiResult<void> ParseContinuation(const Fields& fields, ChatRequest& request) {
  TRY_ASSIGN(const bool continues, fields.Bool("continue_final_message", false));
  TRY_ASSIGN(const bool opens_turn, fields.Bool("add_generation_prompt", false));
  if (continues && opens_turn) {
    return FailApi(Reason::kBadRequest,
                   "'continue_final_message' and 'add_generation_prompt' cannot both be true",
                   "continue_final_message");
  }
  if (continues && request.messages.back().role != Role::kAssistant) {
    return FailApi(Reason::kBadRequest,
                   "'continue_final_message' needs a last message of the assistant",
                   "continue_final_message");
  }
  request.continues_last |= continues;
  // A prompt that ends with a closed turn would let the model speak for anybody.
  TRY_ASSIGN(const bool leaves_open, fields.Bool("add_generation_prompt", true));
  if (!leaves_open && !request.continues_last) {
    return FailApi(Reason::kUnsupported,
                   "'add_generation_prompt' can be false only where the last message is continued",
                   "add_generation_prompt");
  }
  return {};
}

ApiResult<void> RefuseWhatIsMissing(const Fields& fields) {
  TRY(fields.Refuse("tools", "this model calls no tools"));
  TRY(fields.Refuse("functions", "this model calls no functions"));
  TRY(fields.Refuse("audio", "this model makes text only"));
  TRY_ASSIGN(const json::Object* const format, fields.Object("response_format"));
  if (format == nullptr) return {};
  const Fields response_format(*format, "response_format");
  TRY_ASSIGN(const std::string type, response_format.String("type", "text", 64));
  if (type != "text") {
    return FailApi(Reason::kUnsupported, "'response_format.type' can only be 'text'",
                   "response_format.type");
  }
  return {};
}

}  // namespace

ApiResult<ChatRequest> ParseChatRequest(std::string_view body, std::int64_t vocab_size) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  return ParseChatRequest(object, vocab_size);
}

ApiResult<ChatRequest> ParseChatRequest(const json::Object& body, std::int64_t vocab_size) {
  const Fields fields(body);
  ChatRequest request;
  TRY_ASSIGN(request.settings, ParseGenerationSettings(body, vocab_size));
  TRY(ParseMessages(fields, request));
  TRY(ParseContinuation(fields, request));
  TRY(RefuseWhatIsMissing(fields));
  TRY_ASSIGN(const bool wants_logprobs, fields.Bool("logprobs", false));
  TRY_ASSIGN(const auto top_logprobs, fields.Int("top_logprobs", 0, kTopLogprobsMax));
  if (top_logprobs.value_or(0) > 0 && !wants_logprobs) {
    return FailApi(Reason::kBadRequest, "'top_logprobs' needs 'logprobs': true", "top_logprobs");
  }
  if (wants_logprobs) {
    request.settings.sampling.top_logprobs = static_cast<std::int32_t>(top_logprobs.value_or(0));
  }
  return request;
}

}  // namespace holdfast::api
