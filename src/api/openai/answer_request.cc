#include "api/openai/answer_request.h"

#include <algorithm>
#include <limits>

#include "api/fields.h"
#include "api/limits.h"
#include "base/check.h"
#include "base/text_hash.h"

namespace holdfast::api {
namespace {

// Of a conversation, from its beginning, that tell it from another.
constexpr std::size_t kPrefixBytesMax = 1024;
// Of the last prompt, that tell whether it is like another.
constexpr std::size_t kSketchBytesMax = 256;

// Of the letters alone, in lower case: numbers, blanks and punctuation are what a program varies.
std::uint64_t Sketch(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    if (is_upper) letters.push_back(static_cast<char>(byte + 'a' - 'A'));
    if ((byte >= 'a' && byte <= 'z') || byte >= 0x80) letters.push_back(c);
    if (letters.size() >= kSketchBytesMax) break;
  }
  return letters.empty() ? 0 : HashText(letters);
}

// The texts of a prompt in their order: how long they are, how they begin, and which came last.
struct PromptText {
  std::size_t bytes = 0;
  std::string beginning;
  std::string_view last;

  void Add(std::string_view text) {
    bytes += text.size();
    beginning += text.substr(0, kPrefixBytesMax - std::min(beginning.size(), kPrefixBytesMax));
    last = text;
  }
};

void AddContent(const json::Value& content, PromptText& prompt) {
  if (content.is_string()) prompt.Add(content.as_string());
  if (!content.is_array()) return;
  for (const json::Value& part : content.as_array()) {
    if (!part.is_object()) continue;
    const json::Value* const text = json::Find(part.as_object(), "text");
    if (text != nullptr && text->is_string()) prompt.Add(text->as_string());
  }
}

// Chat: `messages`. Text completions: `prompt`, a text, ids, or several of them.
void AddPrompt(const json::Object& body, PromptText& prompt, std::uint32_t& tokens) {
  if (const json::Value* const messages = json::Find(body, "messages");
      messages != nullptr && messages->is_array()) {
    for (const json::Value& message : messages->as_array()) {
      if (!message.is_object()) continue;
      const json::Value* const content = json::Find(message.as_object(), "content");
      if (content != nullptr) AddContent(*content, prompt);
    }
  }
  const json::Value* const given = json::Find(body, "prompt");
  if (given == nullptr) return;
  if (given->is_string()) prompt.Add(given->as_string());
  if (!given->is_array()) return;
  for (const json::Value& one : given->as_array()) {
    if (one.is_string()) prompt.Add(one.as_string());
    if (one.is_number()) ++tokens;
    if (one.is_array()) tokens += static_cast<std::uint32_t>(one.as_array().size());
  }
}

std::uint32_t Bounded(std::size_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

// A list of prompts gets `n` answers each.
std::uint32_t PromptCount(const json::Object& body) {
  const json::Value* const given = json::Find(body, "prompt");
  if (given == nullptr || !given->is_array() || given->as_array().empty()) return 1;
  const json::Array& prompts = given->as_array();
  return prompts.front().is_number() ? 1 : Bounded(prompts.size());
}

}  // namespace

ApiResult<AnswerRequest> ReadAnswerRequest(std::string_view body, std::string_view client) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  const Fields fields(object);
  AnswerRequest request;
  TRY_ASSIGN(request.model, fields.String("model", "", kModelBytesMax));
  request.work.model = request.model;
  TRY_ASSIGN(request.work.is_stream, fields.Bool("stream", false));
  TRY_ASSIGN(const auto choices, fields.Int("n", 1, kChoicesMax));
  const std::string_view limit_key =
      fields.Find("max_completion_tokens") != nullptr ? "max_completion_tokens" : "max_tokens";
  TRY_ASSIGN(const auto tokens_max, fields.Int(limit_key, 0, kAnswerTokensMax));
  request.work.choices = static_cast<std::uint32_t>(choices.value_or(1)) * PromptCount(object);
  request.work.tokens_max = static_cast<std::uint32_t>(tokens_max.value_or(0));

  const bool is_text = fields.Find("prompt") != nullptr && fields.Find("messages") == nullptr;
  if (is_text) request.tokens_default = kCompletionTokensDefault;

  PromptText prompt;
  AddPrompt(object, prompt, request.work.prompt_tokens);
  request.work.prompt_bytes = Bounded(prompt.bytes);
  request.work.sketch = Sketch(prompt.last);
  TRY_ASSIGN(const std::string user, fields.String("user", "", kUserBytesMax));
  request.prefix_key = HashText(prompt.beginning, HashText(user, HashText(client)));
  return request;
}

std::string WithModel(std::string body, std::string_view model) {
  const std::string field = fmt::format("\"model\":{},", json::Write(json::Value(model)));
  body.insert(body.find('{') + 1, field);
  return body;
}

// Written anew: a field that is there, and says null, must not stand beside it.
std::string WithTokensMax(std::string_view body, std::uint32_t tokens_max) {
  ApiResult<json::Object> object = ParseBody(body);
  CHECK(object.has_value());
  (*object)["max_tokens"] = tokens_max;
  return json::Write(std::move(*object));
}

}  // namespace holdfast::api
