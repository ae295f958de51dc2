#include "conversations/internal/import_formats.h"

#include <charconv>
#include <chrono>
#include <span>

#include "conversations/internal/message_tree.h"

namespace holdfast::conversations {
namespace {

// The end of the year 9999.
constexpr double kTimeMsMax = 253'402'300'799'999.0;
// Numbers below are seconds (until the year 5138), above milliseconds.
constexpr double kSecondsMax = 1e11;
constexpr std::string_view kUntitled = "Untitled";

const json::Object* ObjectAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  return value == nullptr ? nullptr : value->if_object();
}

std::span<const json::Value> ElementsAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr || !value->is_array()) return {};
  return value->get_array();
}

std::optional<std::string> TextAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

bool FlagAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::int64_t TimeAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr) return 0;
  if (value->is_string()) return ParseIsoTimeMs(value->get_string());
  if (!value->is_number()) return 0;
  const double number = value->to_number<double>();
  const double time_ms = number < kSecondsMax ? number * 1000 : number;
  return time_ms >= 0 && time_ms <= kTimeMsMax ? static_cast<std::int64_t>(time_ms) : 0;
}

std::optional<std::int64_t> CountAt(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return value->get_int64();
}

// As we write a time: whole milliseconds.
std::int64_t OurTimeAt(const json::Object& object, std::string_view key) {
  const std::int64_t time_ms = CountAt(object, key).value_or(0);
  return static_cast<double>(time_ms) <= kTimeMsMax ? time_ms : 0;
}

// At most `bytes_max`, whole characters.
std::string Cut(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

Conversation HeadOf(const json::Object& object, std::string_view created,
                    std::string_view updated) {
  Conversation head;
  head.title = Cut(TextAt(object, "title").value_or(""), kTitleBytesMax);
  if (head.title.empty()) head.title = kUntitled;
  head.created_at_ms = TimeAt(object, created);
  head.updated_at_ms = std::max(TimeAt(object, updated), head.created_at_ms);
  return head;
}

// Reads each member of `nodes` by `read(id, object)`.
template <typename Read>
Result<ConversationTree> TreeOf(Conversation head, const json::Object& nodes, Read read) {
  std::vector<TreeNode> tree;
  tree.reserve(nodes.size());
  for (const auto& [id, value] : nodes) {
    if (!value.is_object()) continue;
    TreeNode node = read(value.get_object());
    node.id = std::string(id);
    tree.push_back(std::move(node));
  }
  TRY_ASSIGN(std::vector<Message> messages, Flatten(std::move(tree)));
  return ConversationTree{std::move(head), std::move(messages)};
}

std::string JoinTexts(std::span<const json::Value> parts) {
  std::string joined;
  for (const json::Value& part : parts) {
    const json::Object* const object = part.if_object();
    const std::string text = part.is_string() ? std::string(part.get_string())
                             : object         ? TextAt(*object, "text").value_or("")
                                              : "";
    if (!text.empty() && !joined.empty()) joined += "\n";
    joined += text;
  }
  return joined;
}

std::optional<std::string> NotEmpty(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

std::string ThoughtsOf(const json::Object& content) {
  std::string joined;
  for (const json::Value& thought : ElementsAt(content, "thoughts")) {
    if (!thought.is_object()) continue;
    const std::string text = TextAt(thought.get_object(), "content").value_or("");
    if (!text.empty() && !joined.empty()) joined += "\n";
    joined += text;
  }
  return joined;
}

std::optional<Message> ChatGptMessage(const json::Object& object) {
  const json::Object* const author = ObjectAt(object, "author");
  const json::Object* const content = ObjectAt(object, "content");
  if (author == nullptr || content == nullptr) return std::nullopt;
  const std::optional<Role> role = ParseRole(TextAt(*author, "role").value_or(""));
  const json::Object* const metadata = ObjectAt(object, "metadata");
  if (!role || (metadata && FlagAt(*metadata, "is_visually_hidden_from_conversation"))) {
    return std::nullopt;
  }
  Message message{.role = *role,
                  .content = JoinTexts(ElementsAt(*content, "parts")),
                  .reasoning = NotEmpty(ThoughtsOf(*content)),
                  .created_at_ms = TimeAt(object, "create_time")};
  if (message.content.empty()) message.content = TextAt(*content, "text").value_or("");
  if (message.content.empty() && !message.reasoning) return std::nullopt;
  if (metadata != nullptr && role == Role::kAssistant) {
    message.model = TextAt(*metadata, "model_slug");
  }
  return message;
}

// Takes the first <details type="reasoning"> block off the front of the content.
void SplitReasoning(Message& message) {
  constexpr std::string_view kOpen = "<details type=\"reasoning\"";
  constexpr std::string_view kClose = "</details>";
  constexpr std::string_view kSummaryEnd = "</summary>";
  const std::string& content = message.content;
  const std::size_t close = content.find(kClose);
  const std::size_t open_end = content.find('>');
  if (!content.starts_with(kOpen) || close == std::string::npos || open_end > close) return;
  std::size_t begin = open_end + 1;
  const std::size_t summary = content.find(kSummaryEnd, begin);
  if (summary < close) begin = summary + kSummaryEnd.size();
  const auto trim = [](std::string text) {
    const std::size_t first = text.find_first_not_of("\n ");
    if (first == std::string::npos) return std::string();
    return text.substr(first, text.find_last_not_of("\n ") - first + 1);
  };
  message.reasoning = NotEmpty(trim(content.substr(begin, close - begin)));
  message.content = trim(content.substr(close + kClose.size()));
}

TreeNode OpenWebUiNode(const json::Object& object) {
  TreeNode node{.parent = TextAt(object, "parentId")};
  const std::optional<Role> role = ParseRole(TextAt(object, "role").value_or(""));
  std::string content =
      TextAt(object, "content").value_or(JoinTexts(ElementsAt(object, "content")));
  if (!role || content.empty()) return node;
  node.message = Message{
      .role = *role, .content = std::move(content), .created_at_ms = TimeAt(object, "timestamp")};
  if (role == Role::kAssistant) {
    node.message->model = TextAt(object, "model");
    SplitReasoning(*node.message);
  }
  return node;
}

TreeNode DeepSeekNode(const json::Object& object) {
  TreeNode node{.parent = TextAt(object, "parent"), .has_role = false};
  const json::Object* const body = ObjectAt(object, "message");
  if (body == nullptr) return node;
  Message message{.content = TextAt(*body, "content").value_or(""),
                  .reasoning = NotEmpty(TextAt(*body, "reasoning_content").value_or("")),
                  .created_at_ms = TimeAt(*body, "inserted_at")};
  std::string thoughts;
  for (const json::Value& fragment : ElementsAt(*body, "fragments")) {
    if (!fragment.is_object()) continue;
    const std::string type = TextAt(fragment.get_object(), "type").value_or("");
    const std::string text = TextAt(fragment.get_object(), "content").value_or("");
    if (type == "REQUEST" || type == "RESPONSE") {
      message.content += text;
      message.role = type == "REQUEST" ? Role::kUser : Role::kAssistant;
      node.has_role = true;
    } else if (type == "THINK") {
      thoughts += text;
    }
  }
  if (!thoughts.empty()) message.reasoning = std::move(thoughts);
  if (message.content.empty() && !message.reasoning) return node;
  message.model = TextAt(*body, "model");
  node.message = std::move(message);
  return node;
}

std::optional<std::string> ReasonOf(const json::Object& object) {
  std::optional<std::string> reason = TextAt(object, "reason");
  if (reason) reason = Cut(*std::move(reason), kReasonBytesMax);
  return reason;
}

TreeNode OurNode(const json::Object& object) {
  TreeNode node{.id = TextAt(object, "id").value_or(""), .parent = TextAt(object, "parent")};
  const std::optional<Role> role = ParseRole(TextAt(object, "role").value_or(""));
  if (!role) return node;
  MessageState state =
      ParseState(TextAt(object, "state").value_or("")).value_or(MessageState::kDone);
  if (state == MessageState::kStreaming) state = MessageState::kInterrupted;
  node.message = Message{.role = *role,
                         .content = TextAt(object, "content").value_or(""),
                         .reasoning = TextAt(object, "reasoning"),
                         .model = TextAt(object, "model"),
                         .created_at_ms = OurTimeAt(object, "created_at"),
                         .state = state,
                         .reason = ReasonOf(object),
                         .tokens = CountAt(object, "tokens")};
  return node;
}

bool ReadDigits(std::string_view text, std::size_t at, std::size_t count, int& number) {
  if (at + count > text.size()) return false;
  const char* const end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, number);
  return error == std::errc{} && stop == end && number >= 0;
}

}  // namespace

std::int64_t ParseIsoTimeMs(std::string_view text) {
  using std::chrono::days;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!ReadDigits(text, 0, 4, year) || !ReadDigits(text, 5, 2, month) ||
      !ReadDigits(text, 8, 2, day) || !ReadDigits(text, 11, 2, hour) ||
      !ReadDigits(text, 14, 2, minute) || !ReadDigits(text, 17, 2, second)) {
    return 0;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return 0;
  std::size_t at = 19;
  std::int64_t fraction_ms = 0;
  if (at < text.size() && text[at] == '.') {
    for (std::int64_t unit = 100; ++at < text.size() && text[at] >= '0' && text[at] <= '9';) {
      fraction_ms += (text[at] - '0') * unit;
      unit /= 10;
    }
  }
  int zone_hours = 0, zone_minutes = 0;
  int sign = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    sign = text[at] == '+' ? -1 : 1;
    if (!ReadDigits(text, at + 1, 2, zone_hours) || !ReadDigits(text, at + 4, 2, zone_minutes)) {
      return 0;
    }
  }
  const std::int64_t day_count = std::chrono::sys_days(date).time_since_epoch() / days(1);
  const std::int64_t minutes =
      day_count * 1440 + hour * 60 + minute + sign * (zone_hours * 60 + zone_minutes);
  return std::max<std::int64_t>((minutes * 60 + second) * 1000 + fraction_ms, 0);
}

Result<ConversationTree> ReadOurs(const json::Object& conversation) {
  Conversation head = HeadOf(conversation, "", "");
  head.created_at_ms = OurTimeAt(conversation, "created_at");
  head.updated_at_ms = std::max(OurTimeAt(conversation, "updated_at"), head.created_at_ms);
  head.pinned = FlagAt(conversation, "pinned");
  head.folder = TextAt(conversation, "folder");
  if (head.folder) head.folder = NotEmpty(Cut(*head.folder, kFolderBytesMax));
  std::vector<TreeNode> nodes;
  for (const json::Value& message : ElementsAt(conversation, "messages")) {
    if (message.is_object()) nodes.push_back(OurNode(message.get_object()));
  }
  TRY_ASSIGN(std::vector<Message> flat, Flatten(std::move(nodes)));
  return ConversationTree{std::move(head), std::move(flat)};
}

bool IsChatGpt(const json::Object& conversation) {
  return ObjectAt(conversation, "mapping") != nullptr && !IsDeepSeek(conversation);
}

Result<ConversationTree> ReadChatGpt(const json::Object& conversation) {
  return TreeOf(HeadOf(conversation, "create_time", "update_time"),
                *ObjectAt(conversation, "mapping"), [](const json::Object& object) {
                  TreeNode node{.parent = TextAt(object, "parent")};
                  const json::Object* const message = ObjectAt(object, "message");
                  if (message != nullptr) node.message = ChatGptMessage(*message);
                  return node;
                });
}

bool IsOpenWebUi(const json::Object& conversation) {
  const json::Object* const chat = ObjectAt(conversation, "chat");
  const json::Object* const history = chat == nullptr ? nullptr : ObjectAt(*chat, "history");
  return history != nullptr && ObjectAt(*history, "messages") != nullptr;
}

Result<ConversationTree> ReadOpenWebUi(const json::Object& conversation) {
  const json::Object& chat = *ObjectAt(conversation, "chat");
  Conversation head = HeadOf(conversation, "created_at", "updated_at");
  if (head.title == kUntitled) head.title = HeadOf(chat, "timestamp", "timestamp").title;
  if (head.created_at_ms == 0) head.created_at_ms = TimeAt(chat, "timestamp");
  head.updated_at_ms = std::max(head.updated_at_ms, head.created_at_ms);
  head.pinned = FlagAt(conversation, "pinned");
  return TreeOf(std::move(head), *ObjectAt(*ObjectAt(chat, "history"), "messages"), OpenWebUiNode);
}

bool IsDeepSeek(const json::Object& conversation) {
  return ObjectAt(conversation, "mapping") != nullptr &&
         json::Find(conversation, "inserted_at") != nullptr;
}

Result<ConversationTree> ReadDeepSeek(const json::Object& conversation) {
  TRY_ASSIGN(ConversationTree tree, TreeOf(HeadOf(conversation, "inserted_at", "updated_at"),
                                           *ObjectAt(conversation, "mapping"), DeepSeekNode));
  // The export names the model beside questions too.
  for (Message& message : tree.messages) {
    if (message.role != Role::kAssistant) message.model = std::nullopt;
  }
  return tree;
}

}  // namespace holdfast::conversations
