#include "conversations/import.h"

#include "conversations/export.h"
#include "conversations/internal/import_formats.h"
#include "json/json.h"

namespace holdfast::conversations {
namespace {

Error NumberedError(std::size_t index, const Error& error) {
  return MakeError(error.code, "conversation {}: {}", index + 1, error.message);
}

Result<ConversationTree> ReadForeign(const json::Value& value) {
  const json::Object* const object = value.if_object();
  if (object != nullptr && IsDeepSeek(*object)) return ReadDeepSeek(*object);
  if (object != nullptr && IsChatGpt(*object)) return ReadChatGpt(*object);
  if (object != nullptr && IsOpenWebUi(*object)) return ReadOpenWebUi(*object);
  return Fail(ErrorCode::kInvalidArgument,
              "neither of ChatGPT (conversations.json), nor of Open WebUI, nor of DeepSeek");
}

Result<ConversationTree> ReadOurValue(const json::Value& value) {
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "not an object");
  return ReadOurs(value.get_object());
}

Result<std::vector<ConversationTree>> ReadAll(
    std::span<const json::Value> values, const ImportLimits& limits,
    Result<ConversationTree> (*read)(const json::Value& value)) {
  if (values.size() > limits.conversations_max) {
    return Fail(ErrorCode::kTooLarge, "{} conversations; at most {}", values.size(),
                limits.conversations_max);
  }
  std::vector<ConversationTree> trees;
  std::size_t messages = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Result<ConversationTree> tree = read(values[i]);
    if (!tree) return Fail(NumberedError(i, tree.error()));
    messages += tree->messages.size();
    if (messages > limits.messages_max) {
      return Fail(ErrorCode::kTooLarge, "more than {} messages", limits.messages_max);
    }
    trees.push_back(std::move(*tree));
  }
  return trees;
}

Result<std::vector<ConversationTree>> ReadOurFile(const json::Object& file,
                                                  const ImportLimits& limits) {
  TRY_ASSIGN(const std::string format, json::RequireString(file, "format"));
  if (format != kExportFormat) {
    return Fail(ErrorCode::kInvalidArgument, "the format is not \"{}\"", kExportFormat);
  }
  TRY_ASSIGN(const std::int64_t version, json::RequireInt(file, "version", 1, INT64_MAX));
  if (version > kExportVersion) {
    return Fail(ErrorCode::kUnsupported, "version {} of the format; this release reads {}", version,
                kExportVersion);
  }
  TRY_ASSIGN(const json::Array* conversations,
             json::RequireArray(file, "conversations", limits.conversations_max));
  return ReadAll(*conversations, limits, ReadOurValue);
}

}  // namespace

Result<std::vector<ConversationTree>> ParseImport(std::string_view text,
                                                  const ImportLimits& limits) {
  TRY_ASSIGN(const json::Value value, json::Parse(text, {.text_bytes_max = limits.text_bytes_max,
                                                         .depth_max = limits.depth_max}));
  if (value.is_array()) return ReadAll(value.get_array(), limits, ReadForeign);
  if (value.is_object() && json::Find(value.get_object(), "format") != nullptr) {
    return ReadOurFile(value.get_object(), limits);
  }
  return ReadAll({&value, 1}, limits, ReadForeign);
}

}  // namespace holdfast::conversations
