#include "tokenizer/chat_template.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace holdfast::tokenizer {
namespace {

using Role = ChatMessage::Role;

constexpr std::string_view kBeginOfSentence = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kUser = "<｜User｜>";
constexpr std::string_view kAssistant = "<｜Assistant｜>";
constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kImUser = "<|im_user|>";
constexpr std::string_view kImAssistant = "<|im_assistant|>";
constexpr std::string_view kImSystem = "<|im_system|>";
constexpr std::string_view kImMiddle = "<|im_middle|>";
constexpr std::string_view kImEnd = "<|im_end|>";

constexpr std::size_t kDefaultSystemBytesMax = 1024;

// Collects the prompt. Text between two special tokens is encoded in one go, template and content
// together, because that is how the models were trained: "User: " and "Hi" share a border.
class Prompt {
 public:
  Prompt(const Tokenizer& tokenizer, std::size_t count_max)
      : tokenizer_(tokenizer), count_max_(count_max) {}

  void Text(std::string_view text) { text_ += text; }

  void Id(TokenId id) {
    if (id < 0) return;
    Flush();
    ids_.push_back(id);
  }

  // A token of the family; a missing one is reported by Finish.
  void Special(std::string_view name) {
    if (const auto id = tokenizer_.FindSpecial(name)) {
      Id(*id);
    } else if (missing_.empty()) {
      missing_ = name;
    }
  }

  // Markup that some files have as a token and some write in ordinary characters.
  void Markup(std::string_view name) {
    if (const auto id = tokenizer_.FindSpecial(name)) {
      Id(*id);
    } else {
      Text(name);
    }
  }

  Result<std::vector<TokenId>> Finish() {
    if (!missing_.empty()) {
      return Fail(ErrorCode::kFailedPrecondition, "the tokenizer has no token {}", missing_);
    }
    Flush();
    return std::move(ids_);
  }

 private:
  void Flush() {
    if (ids_.size() <= count_max_) {
      const auto ids = tokenizer_.Encode(text_, {.count_max = count_max_ - ids_.size()});
      ids_.insert(ids_.end(), ids.begin(), ids.end());
    }
    text_.clear();
  }

  const Tokenizer& tokenizer_;
  const std::size_t count_max_;
  std::string text_;  // Not yet encoded.
  std::vector<TokenId> ids_;
  std::string missing_;
};

// What differs between the published V3-family templates, read off the Jinja source.
struct V3Variant {
  bool strips_thoughts = false;    // Past answers lose what is up to </think> (R1, V3.1).
  bool has_thinking_mode = false;  // V3.1: each turn starts with <think> or </think>.
  bool starts_with_think = false;  // R1 since 2025: the turn starts with "<think>\n".
};

V3Variant DetectV3Variant(std::string_view source) {
  V3Variant variant;
  variant.strips_thoughts = source.contains("'</think>' in");
  variant.has_thinking_mode = source.contains("not thinking");
  variant.starts_with_think =
      !variant.has_thinking_mode && source.contains("<｜Assistant｜><think>");
  return variant;
}

std::string_view WithoutThoughts(std::string_view content, const V3Variant& variant) {
  if (!variant.strips_thoughts) return content;
  const std::size_t end =
      variant.has_thinking_mode ? content.find(kThinkEnd) : content.rfind(kThinkEnd);
  return end == std::string_view::npos ? content : content.substr(end + kThinkEnd.size());
}

struct Conversation {
  const std::vector<ChatMessage>& messages;
  const RenderOptions& options;

  // True for the last message if it is the assistant's and to be continued.
  bool IsContinued(std::size_t index) const {
    return options.continue_last && index + 1 == messages.size() &&
           messages[index].role == Role::kAssistant;
  }
  bool IsContinued() const { return IsContinued(messages.size() - 1); }
};

// The beginning of an answer as the caller gives it. A leading <think> is the model's own markup.
// True if it leaves the model thinking.
bool AddContinued(Prompt& prompt, std::string_view content) {
  if (!content.starts_with(kThink)) {
    prompt.Text(content);
    return false;
  }
  prompt.Markup(kThink);
  prompt.Text(content.substr(kThink.size()));
  return !content.contains(kThinkEnd);
}

// BOS, all system texts, then <｜User｜>u<｜Assistant｜>a EOS. True if it ends in thoughts.
bool RenderV3(Prompt& prompt, const Tokenizer& tokenizer, const Conversation& chat) {
  const V3Variant variant = DetectV3Variant(tokenizer.spec().chat_template);
  prompt.Id(tokenizer.bos());
  bool is_first_system = true;
  for (const ChatMessage& message : chat.messages) {
    if (message.role != Role::kSystem) continue;
    if (!is_first_system) prompt.Text("\n\n");
    is_first_system = false;
    prompt.Text(message.content);
  }
  bool follows_user = true;  // V3.1 opens a turn only after a user's.
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    if (message.role == Role::kUser) {
      prompt.Special(kUser);
      prompt.Text(message.content);
      follows_user = true;
    } else if (message.role == Role::kAssistant) {
      const bool is_continued = chat.IsContinued(i);
      if (follows_user || !variant.has_thinking_mode) {
        prompt.Special(kAssistant);
        const bool thinks = is_continued && chat.options.thinking;
        if (variant.has_thinking_mode) prompt.Markup(thinks ? kThink : kThinkEnd);
      }
      if (is_continued) return AddContinued(prompt, message.content);
      follows_user = false;
      prompt.Text(WithoutThoughts(message.content, variant));
      prompt.Id(tokenizer.eos());
    }
  }
  prompt.Special(kAssistant);
  if (variant.has_thinking_mode) prompt.Markup(chat.options.thinking ? kThink : kThinkEnd);
  if (variant.starts_with_think) {
    prompt.Markup(kThink);
    prompt.Text("\n");
  }
  return variant.starts_with_think || (variant.has_thinking_mode && chat.options.thinking);
}

// BOS, system + "\n\n", "User: u\n\n", "Assistant: a" EOS, "Assistant:".
void RenderV2(Prompt& prompt, const Tokenizer& tokenizer, const Conversation& chat) {
  prompt.Id(tokenizer.bos());
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    if (message.role == Role::kSystem) {
      prompt.Text(message.content);
      prompt.Text("\n\n");
    } else if (message.role == Role::kUser) {
      prompt.Text("User: ");
      prompt.Text(message.content);
      prompt.Text("\n\n");
    } else {
      prompt.Text("Assistant: ");
      prompt.Text(message.content);
      if (!chat.IsContinued(i)) prompt.Id(tokenizer.eos());
    }
  }
  if (!chat.IsContinued()) prompt.Text("Assistant:");
}

// The system text that a Moonlight-family template adds when the conversation has none: what its
// source has between these two tokens, unless that is an expression.
std::string_view DefaultSystemText(std::string_view source) {
  constexpr std::string_view kBegin = "<|im_system|>system<|im_middle|>";
  std::size_t begin = source.find(kBegin);
  if (begin == std::string_view::npos) return {};
  begin += kBegin.size();
  const std::size_t end = source.find(kImEnd, begin);
  if (end == std::string_view::npos || end - begin > kDefaultSystemBytesMax) return {};
  const std::string_view text = source.substr(begin, end - begin);
  return text.contains('{') || text.contains('\'') ? std::string_view() : text;
}

void AddMoonlightTurn(Prompt& prompt, std::string_view opening, std::string_view role,
                      std::string_view content) {
  prompt.Special(opening);
  prompt.Text(role);
  prompt.Special(kImMiddle);
  prompt.Text(content);
}

// <|im_user|>user<|im_middle|>u<|im_end|>, and so on for each role.
void RenderMoonlight(Prompt& prompt, const Tokenizer& tokenizer, const Conversation& chat) {
  if (tokenizer.spec().add_bos) prompt.Id(tokenizer.bos());
  const std::string_view system = DefaultSystemText(tokenizer.spec().chat_template);
  if (!system.empty() && chat.messages[0].role != Role::kSystem) {
    AddMoonlightTurn(prompt, kImSystem, "system", system);
    prompt.Special(kImEnd);
  }
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    switch (message.role) {
      case Role::kSystem:
        AddMoonlightTurn(prompt, kImSystem, "system", message.content);
        break;
      case Role::kUser:
        AddMoonlightTurn(prompt, kImUser, "user", message.content);
        break;
      default:
        AddMoonlightTurn(prompt, kImAssistant, "assistant", message.content);
        break;
    }
    if (chat.IsContinued(i)) return;
    prompt.Special(kImEnd);
  }
  AddMoonlightTurn(prompt, kImAssistant, "assistant", {});
}

// "System: s\nUser: u\nAssistant: a\nAssistant:".
void RenderPlain(Prompt& prompt, const Tokenizer& tokenizer, const Conversation& chat) {
  if (tokenizer.spec().add_bos) prompt.Id(tokenizer.bos());
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    prompt.Text(message.role == Role::kSystem ? "System: "
                : message.role == Role::kUser ? "User: "
                                              : "Assistant: ");
    prompt.Text(message.content);
    if (chat.IsContinued(i)) return;
    prompt.Text("\n");
  }
  prompt.Text("Assistant:");
}

Result<> CheckMessages(const std::vector<ChatMessage>& messages) {
  if (messages.empty()) return Fail(ErrorCode::kInvalidArgument, "the conversation is empty");
  if (messages.size() > kChatMessagesMax) {
    return Fail(ErrorCode::kTooLarge, "{} messages are over the limit of {}", messages.size(),
                kChatMessagesMax);
  }
  for (const ChatMessage& message : messages) {
    if (message.role == Role::kTool) {
      return Fail(ErrorCode::kUnsupported, "messages of role 'tool' are not supported");
    }
  }
  return {};
}

}  // namespace

ChatFamily DetectChatFamily(const Tokenizer& tokenizer) {
  const auto has = [&](std::string_view name) { return tokenizer.FindSpecial(name).has_value(); };
  if (has(kUser) && has(kAssistant)) return ChatFamily::kDeepSeekV3;
  if (has(kImUser) && has(kImAssistant) && has(kImMiddle) && has(kImEnd)) {
    return ChatFamily::kMoonlight;
  }
  if (has(kBeginOfSentence)) return ChatFamily::kDeepSeekV2;
  return ChatFamily::kPlain;
}

Result<RenderedPrompt> RenderChat(const Tokenizer& tokenizer, ChatFamily family,
                                  const std::vector<ChatMessage>& messages,
                                  const RenderOptions& options) {
  TRY(CheckMessages(messages));
  Prompt prompt(tokenizer, options.count_max);
  const Conversation chat{messages, options};
  RenderedPrompt rendered;
  rendered.stop_ids = tokenizer.ends();
  switch (family) {
    case ChatFamily::kDeepSeekV2:
      RenderV2(prompt, tokenizer, chat);
      break;
    case ChatFamily::kDeepSeekV3:
      rendered.is_thinking = RenderV3(prompt, tokenizer, chat);
      break;
    case ChatFamily::kMoonlight: {
      RenderMoonlight(prompt, tokenizer, chat);
      const auto end = tokenizer.FindSpecial(kImEnd);
      if (end && std::ranges::find(rendered.stop_ids, *end) == rendered.stop_ids.end()) {
        rendered.stop_ids.push_back(*end);
      }
      break;
    }
    case ChatFamily::kPlain:
      RenderPlain(prompt, tokenizer, chat);
      break;
  }
  TRY_ASSIGN(rendered.ids, prompt.Finish());
  return rendered;
}

Result<RenderedPrompt> RenderChat(const Tokenizer& tokenizer, ChatFamily family,
                                  const std::vector<ChatMessage>& messages, bool continue_last) {
  return RenderChat(tokenizer, family, messages, RenderOptions{.continue_last = continue_last});
}

}  // namespace holdfast::tokenizer
