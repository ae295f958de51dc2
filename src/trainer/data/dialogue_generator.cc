#include "trainer/data/dialogue_generator.h"

#include <algorithm>
#include <cctype>
#include <unordered_set>

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

std::size_t PickByWeight(const std::vector<double>& cumulative, SplitMix64& random) {
  const double at = random.Unit() * cumulative.back();
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), at);
  return std::min(static_cast<std::size_t>(found - cumulative.begin()), cumulative.size() - 1);
}

std::size_t BytesOf(const std::vector<ChatMessage>& messages) {
  std::size_t bytes = 0;
  for (const ChatMessage& message : messages) bytes += message.content.size();
  return bytes;
}

class Generator {
 public:
  Generator(const DialogueGrammar& grammar, const GeneratorOptions& options)
      : grammar_(grammar), options_(options), random_(options.seed) {
    double sum = 0;
    for (const Dialogue& dialogue : grammar.dialogues()) {
      const bool is_drawn =
          options.only.empty() ||
          std::find(options.only.begin(), options.only.end(), dialogue.name) != options.only.end();
      cumulative_.push_back(sum += is_drawn ? dialogue.weight : 0);
    }
  }

  // Index of the dialogue it begins with.
  std::size_t Draw(std::vector<ChatMessage>& messages) {
    const std::size_t first = PickByWeight(cumulative_, random_);
    Append(first, messages);
    if (messages.front().role != ChatMessage::Role::kSystem &&
        random_.Unit() < options_.system_share) {
      messages.insert(messages.begin(), {ChatMessage::Role::kSystem,
                                         grammar_.DrawFromList(options_.system_list, random_)});
    }
    if (grammar_.dialogues()[first].is_alone || random_.Unit() >= options_.chained_share) {
      return first;
    }
    std::uint64_t more = 1 + random_.Below(3);
    if (random_.Below(4) == 0) more += random_.Below(8);  // A few long chats, as people have them.
    for (std::uint64_t i = 0; i < more; ++i) {
      std::vector<ChatMessage> next;
      const std::size_t index = PickByWeight(cumulative_, random_);
      if (grammar_.dialogues()[index].is_alone) continue;
      Append(index, next);
      if (next.front().role == ChatMessage::Role::kSystem) continue;
      if (BytesOf(messages) + BytesOf(next) > static_cast<std::size_t>(options_.chain_bytes_max)) {
        break;
      }
      messages.insert(messages.end(), next.begin(), next.end());
    }
    return first;
  }

 private:
  void Append(std::size_t index, std::vector<ChatMessage>& messages) {
    const Dialogue& dialogue = grammar_.dialogues()[index];
    for (ChatMessage& message : grammar_.Draw(dialogue, random_)) {
      if (message.role == ChatMessage::Role::kUser && !dialogue.is_exact &&
          random_.Unit() < options_.rough_share) {
        message.content = Roughen(message.content, random_);
      }
      messages.push_back(std::move(message));
    }
  }

  const DialogueGrammar& grammar_;
  const GeneratorOptions& options_;
  SplitMix64 random_;
  std::vector<double> cumulative_;
};

}  // namespace

std::string Roughen(std::string_view text, SplitMix64& random) {
  const bool is_all_lower = random.Below(2) == 0;
  const bool is_first_lower = random.Below(2) == 0;
  const bool has_no_end = random.Below(3) != 0;
  const bool has_no_apostrophe = random.Below(4) == 0;
  const bool has_no_comma = random.Below(4) == 0;
  std::string rough;
  for (const char c : text) {
    if ((c == '\'' && has_no_apostrophe) || (c == ',' && has_no_comma)) continue;
    const bool is_lower = is_all_lower || (is_first_lower && rough.empty());
    rough += is_lower ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
  }
  while (has_no_end && rough.size() > 1 &&
         (rough.back() == '?' || rough.back() == '.' || rough.back() == '!')) {
    rough.pop_back();
  }
  return rough;
}

GeneratedChats GenerateDialogues(const DialogueGrammar& grammar, const GeneratorOptions& options) {
  GeneratedChats generated;
  generated.kept.resize(grammar.dialogues().size());
  if (grammar.dialogues().empty()) return generated;
  Generator generator(grammar, options);
  std::unordered_set<std::uint64_t> seen;
  for (std::int64_t i = 0; i < options.count; ++i) {
    Document chat;
    const std::size_t first = generator.Draw(chat.messages);
    if (!seen.insert(Hash64(chat.PlainText())).second) {
      ++generated.repeat_count;
      continue;
    }
    ++generated.kept[first];
    chat.line = static_cast<std::int64_t>(generated.chats.size()) + 1;
    generated.chats.push_back(std::move(chat));
  }
  return generated;
}

}  // namespace holdfast::trainer
