#include "upstream/delta.h"

#include <algorithm>
#include <utility>

#include "http/sse.h"
#include "json/json.h"
#include "upstream/json_scan.h"

namespace holdfast::upstream {
namespace {

// What a scan of one chunk fills in.
class ChunkScan {
 public:
  ChunkScan(std::string_view text, Delta& delta) : text_(text), scan_(text), delta_(delta) {}

  bool Run() {
    const bool is_read = scan_.Members([this](std::string_view key) {
      if (key == "choices") return Choices();
      if (key == "usage") return ReadUsage(key);
      if (key == "error") return Error();
      if (key == "object") return Object();
      return scan_.Skip();
    });
    return is_read && scan_.IsAtEnd();
  }

  // Set by {"object": "error"} or {"error": ...}, whose text ReadError reads.
  bool is_error() const { return is_error_; }

 private:
  bool Error() {
    is_error_ = is_error_ || scan_.Kind() != JsonKind::kNull;
    return scan_.Skip();
  }

  bool Object() {
    if (scan_.Kind() != JsonKind::kString) return scan_.Skip();
    std::string_view word;
    if (!scan_.TakeString(word)) return false;
    is_error_ = is_error_ || word == "error";
    return true;
  }

  bool Choices() {
    if (scan_.Kind() == JsonKind::kNull) return scan_.Skip();
    return scan_.Items([this] { return Choice(); });
  }

  bool Choice() {
    std::optional<std::int64_t> index;
    std::string_view finish;
    bool has_text = false;
    const bool is_read = scan_.Members([&](std::string_view key) {
      if (key == "index") return scan_.TakeInt(index);
      if (key == "finish_reason" && scan_.Kind() == JsonKind::kString) {
        return scan_.TakeString(finish);
      }
      if (key == "text") return SkipAndSee(has_text);
      if ((key == "delta" || key == "message") && scan_.Kind() == JsonKind::kObject) {
        return Message(has_text);
      }
      return scan_.Skip();
    });
    if (!is_read) return false;
    ++delta_.choice_count;
    delta_.choice_bits |= ChoiceBit(index.value_or(0));
    if (has_text) ++delta_.text_count;
    if (!finish.empty()) delta_.finishes.push_back({index.value_or(0), UnescapeJson(finish)});
    return true;
  }

  bool Message(bool& has_text) {
    return scan_.Members([&](std::string_view key) {
      const bool is_text = key == "content" || key == "reasoning_content" || key == "reasoning" ||
                           key == "tool_calls" || key == "function_call" || key == "refusal";
      return is_text ? SkipAndSee(has_text) : scan_.Skip();
    });
  }

  // Passes a value; one that is not null and not empty counts as text.
  bool SkipAndSee(bool& has_text) {
    const JsonKind kind = scan_.Kind();
    const std::size_t begin = scan_.Offset();
    if (!scan_.Skip()) return false;
    constexpr std::size_t kEmptyBytes = 2;  // "" [] {}
    has_text = has_text || (kind != JsonKind::kNull && scan_.Offset() > begin + kEmptyBytes);
    return true;
  }

  bool ReadUsage(std::string_view name) {
    if (scan_.Kind() != JsonKind::kObject) return scan_.Skip();
    const std::size_t value_begin = scan_.Offset();
    Usage usage;
    const bool is_read = scan_.Members([&](std::string_view key) {
      if (key == "prompt_tokens") return scan_.TakeInt(usage.prompt);
      if (key == "completion_tokens") return scan_.TakeInt(usage.completion);
      if (key == "prompt_cache_hit_tokens") return scan_.TakeInt(usage.cached);
      if (key == "prompt_tokens_details") return Detail("cached_tokens", usage.cached);
      if (key == "completion_tokens_details") return Detail("reasoning_tokens", usage.reasoning);
      return scan_.Skip();
    });
    if (!is_read) return false;
    delta_.usage = usage;
    delta_.usage_begin = static_cast<std::size_t>(name.data() - text_.data()) - 1;
    delta_.usage_value_begin = value_begin;
    delta_.usage_end = text_.rfind('}', scan_.Offset() - 1) + 1;
    return true;
  }

  bool Detail(std::string_view name, std::optional<std::int64_t>& value) {
    if (scan_.Kind() != JsonKind::kObject) return scan_.Skip();
    return scan_.Members(
        [&](std::string_view key) { return key == name ? scan_.TakeInt(value) : scan_.Skip(); });
  }

  const std::string_view text_;
  JsonScan scan_;
  Delta& delta_;
  bool is_error_ = false;
};

Result<void> Scan(Delta& delta) {
  ChunkScan scan(delta.data(), delta);
  if (!scan.Run()) {
    return Fail(ErrorCode::kCorrupt, "{} bytes of an answer are not a chunk of JSON",
                delta.data().size());
  }
  if (scan.is_error()) delta.error = ReadError(delta.data()).value_or(EngineError{});
  const bool has_tokens = delta.usage && delta.usage->completion.value_or(0) > 0;
  const bool has_more = delta.text_count > 0 || !delta.finishes.empty() || has_tokens;
  delta.is_opening = delta.choice_count > 0 && !has_more;
  delta.is_usage_only = delta.choice_count == 0 && delta.usage.has_value();
  return {};
}

std::string_view EventName(std::string_view event) {
  constexpr std::string_view kField = "event:";
  while (!event.empty()) {
    std::string_view line = http::SseSplitter::TakeLine(event);
    if (!line.starts_with(kField)) continue;
    line.remove_prefix(kField.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    return line;
  }
  return {};
}

}  // namespace

std::string_view Delta::data() const {
  if (!joined.empty()) return joined;
  return std::string_view(raw).substr(data_begin, data_bytes);
}

void Delta::HideUsage(bool leaves_null) {
  if (usage_end == 0 || !joined.empty()) return;
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::string_view text = data();
  std::size_t begin = usage_begin;
  std::size_t end = usage_end;
  if (leaves_null) {
    begin = usage_value_begin;
  } else if (const std::size_t after = text.find_first_not_of(kBlanks, end); text[after] == ',') {
    end = text.find_first_not_of(kBlanks, after + 1);
  } else if (const std::size_t before = text.find_last_not_of(kBlanks, begin - 1);
             text[before] == ',') {
    begin = before;
  }
  const std::string_view left = leaves_null ? "null" : "";
  raw.replace(data_begin + begin, end - begin, left);
  data_bytes -= end - begin - left.size();
  usage_begin = usage_value_begin = usage_end = 0;
}

Result<Delta> ReadEvent(std::string raw) {
  constexpr std::string_view kDone = "[DONE]";
  Delta delta;
  delta.raw = std::move(raw);
  if (const auto one = http::SseSplitter::OneData(delta.raw); !one) {
    delta.joined = http::SseSplitter::Data(delta.raw);
  } else if (!one->empty()) {
    delta.data_begin = static_cast<std::size_t>(one->data() - delta.raw.data());
    delta.data_bytes = one->size();
  }
  const std::string_view data = delta.data();
  delta.is_comment = data.find_first_not_of(" \n") == std::string_view::npos;
  if (delta.is_comment) return delta;
  delta.is_done = data.starts_with(kDone);
  if (delta.is_done) return delta;
  if (!delta.raw.starts_with("data:") && EventName(delta.raw) == "error") {
    delta.error = ReadError(data).value_or(EngineError{});
    return delta;
  }
  TRY(Scan(delta));
  return delta;
}

Result<Delta> ReadWhole(std::string body) {
  Delta delta;
  delta.raw = std::move(body);
  delta.data_bytes = delta.raw.size();
  TRY(Scan(delta));
  delta.is_opening = false;
  return delta;
}

Delta DoneDelta() {
  Delta delta;
  delta.raw = "data: [DONE]\n\n";
  delta.is_done = true;
  return delta;
}

namespace {

std::string TextOf(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->as_string());
  // Some give their code as a number.
  return value->is_int64() ? fmt::format("{}", value->as_int64()) : std::string();
}

std::int64_t IntOf(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::vector<ToolCallPart> ToolCallsOf(const json::Object& message) {
  std::vector<ToolCallPart> parts;
  const json::Value* const calls = json::Find(message, "tool_calls");
  if (calls == nullptr || !calls->is_array()) return parts;
  for (const json::Value& call : calls->as_array()) {
    if (!call.is_object()) continue;
    ToolCallPart part;
    const bool has_index = json::Find(call.as_object(), "index") != nullptr;
    part.index =
        has_index ? IntOf(call.as_object(), "index") : static_cast<std::int64_t>(parts.size());
    part.id = TextOf(call.as_object(), "id");
    const json::Value* const function = json::Find(call.as_object(), "function");
    if (function != nullptr && function->is_object()) {
      part.name = TextOf(function->as_object(), "name");
      part.arguments = TextOf(function->as_object(), "arguments");
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

ChoiceDelta ChoiceOf(const json::Object& object) {
  ChoiceDelta choice;
  choice.index = IntOf(object, "index");
  choice.finish = TextOf(object, "finish_reason");
  choice.text = TextOf(object, "text");
  for (const std::string_view key : {"delta", "message"}) {
    const json::Value* const message = json::Find(object, key);
    if (message == nullptr || !message->is_object()) continue;
    const json::Object& fields = message->as_object();
    choice.role = TextOf(fields, "role");
    choice.text += TextOf(fields, "content");
    choice.reasoning = TextOf(fields, "reasoning_content");
    if (choice.reasoning.empty()) choice.reasoning = TextOf(fields, "reasoning");
    choice.tool_calls = ToolCallsOf(fields);
  }
  return choice;
}

// An answer of 64 MiB is one that we let through, so it may be read.
constexpr json::Limits kJsonLimits{.text_bytes_max = 64u << 20};

}  // namespace

Result<std::vector<ChoiceDelta>> Delta::Choices() const {
  std::vector<ChoiceDelta> found;
  if (choice_count == 0) return found;
  TRY_ASSIGN(const json::Value value, json::Parse(data(), kJsonLimits));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "a chunk is no object");
  const json::Value* const choices = json::Find(value.as_object(), "choices");
  if (choices == nullptr || !choices->is_array()) return found;
  for (const json::Value& choice : choices->as_array()) {
    if (choice.is_object()) found.push_back(ChoiceOf(choice.as_object()));
  }
  return found;
}

std::optional<EngineError> ReadError(std::string_view body) {
  const Result<json::Value> value = json::Parse(body);
  if (!value || !value->is_object()) return std::nullopt;
  const json::Object& outer = value->as_object();
  EngineError error;
  const json::Value* const inner = json::Find(outer, "error");
  if (inner != nullptr && inner->is_string()) error.message = inner->as_string();
  const json::Object& object = inner != nullptr && inner->is_object() ? inner->as_object() : outer;
  if (error.message.empty()) error.message = TextOf(object, "message");
  if (error.message.empty()) error.message = TextOf(object, "detail");
  error.type = TextOf(object, "type");
  error.param = TextOf(object, "param");
  error.code = TextOf(object, "code");
  error.reason = TextOf(object, "reason");
  if (error.message.empty() && error.code.empty() && error.reason.empty()) return std::nullopt;
  return error;
}

}  // namespace holdfast::upstream
