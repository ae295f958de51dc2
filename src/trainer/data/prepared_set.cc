#include "trainer/data/prepared_set.h"

#include <algorithm>

#include "crypto/digest.h"
#include "trainer/data/dialogue_generator.h"
#include "trainer/data/drills.h"
#include "trainer/data/hash64.h"

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

constexpr std::uint64_t kHeldoutSeed = 0x68656C646F7574;  // "heldout"

std::string Sha256Of(std::string_view text) {
  crypto::Sha256 digest;
  digest.Update(text);
  return crypto::HexDigest(digest.Finish());
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

void Split(std::vector<Document> documents, double heldout_share, PreparedSet& set) {
  for (Document& document : documents) {
    auto& part = IsHeldout(document.PlainText(), heldout_share) ? set.heldout : set.train;
    part.push_back(std::move(document));
  }
}

}  // namespace

bool IsHeldout(std::string_view text, double share) {
  return SplitMix64(Hash64(NormaliseText(text), kHeldoutSeed)).Unit() < share;
}

Result<PreparedSet> LoadSource(const SourceConfig& source, const std::filesystem::path& corpora,
                               const PrepareConfig& config, Deduplicator& dedup) {
  std::filesystem::path path = corpora / source.file;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) path += ".zst";
  TRY_ASSIGN(const std::string plain, ReadPlainFile(path));
  const std::string sha256 = Sha256Of(plain);
  if (sha256 != source.sha256 || plain.size() != static_cast<std::size_t>(source.plain_bytes)) {
    return Fail(ErrorCode::kCorrupt,
                "{}: {} bytes with SHA-256 {}; the configuration says {} bytes with {}",
                path.string(), plain.size(), sha256, source.plain_bytes, source.sha256);
  }
  TRY_ASSIGN(std::vector<Document> documents,
             source.is_chat ? ParseChats(plain, source.file) : SplitDocuments(plain, source.file));
  const std::size_t document_count = documents.size();
  std::int64_t exact_count = 0;
  std::int64_t near_count = 0;
  std::vector<Document> fresh;
  for (Document& document : documents) {
    switch (dedup.Add(document.PlainText())) {
      case Duplicate::kNew:
        fresh.push_back(std::move(document));
        break;
      case Duplicate::kExact:
        ++exact_count;
        break;
      case Duplicate::kNear:
        ++near_count;
        break;
    }
  }
  PreparedSet set{.name = source.name,
                  .pretrain_epochs = source.pretrain_epochs,
                  .finetune_epochs = source.finetune_epochs,
                  .rules = source.rules,
                  .train = {},
                  .heldout = {},
                  .manifest = {}};
  set.manifest = json::Object{{"name", source.name},
                              {"file", source.file},
                              {"kind", source.is_chat ? "chat" : "text"},
                              {"licence", source.licence},
                              {"origin", source.origin},
                              {"attribution", source.attribution},
                              {"sha256", sha256},
                              {"plain_bytes", plain.size()},
                              {"documents", document_count},
                              {"exact_duplicates_dropped", exact_count},
                              {"near_duplicates_dropped", near_count}};
  Split(std::move(fresh), config.heldout_share, set);
  return set;
}

Result<PreparedSet> LoadTemplates(const TemplatesConfig& templates,
                                  const std::filesystem::path& folder,
                                  const PrepareConfig& config) {
  std::vector<DialogueGrammar::File> files;
  json::Array file_list;
  for (const std::string& name : templates.files) {
    TRY_ASSIGN(std::string text,
               ReadPlainFile(folder / name, {.plain_bytes_max = DialogueGrammar::kFileBytesMax}));
    file_list.push_back(
        json::Object{{"file", name}, {"sha256", Sha256Of(text)}, {"plain_bytes", text.size()}});
    files.push_back({name, std::move(text)});
  }
  TRY_ASSIGN(const DialogueGrammar grammar, DialogueGrammar::Parse(files, MakeDrills()));
  if (templates.generator.system_share > 0 && !grammar.HasList(templates.generator.system_list)) {
    return Fail(ErrorCode::kInvalidArgument, "templates {}: system_list \"{}\" is no list",
                templates.name, templates.generator.system_list);
  }
  for (const std::string& name : templates.generator.only) {
    const bool is_there =
        std::any_of(grammar.dialogues().begin(), grammar.dialogues().end(),
                    [&](const Dialogue& dialogue) { return dialogue.name == name; });
    if (!is_there) {
      return Fail(ErrorCode::kInvalidArgument, "templates {}: no dialogue is called \"{}\"",
                  templates.name, name);
    }
  }
  GeneratedChats generated = GenerateDialogues(grammar, templates.generator);

  PreparedSet set{.name = templates.name,
                  .pretrain_epochs = templates.pretrain_epochs,
                  .finetune_epochs = templates.finetune_epochs,
                  .rules = {.messages_max = 64,
                            .message_bytes_max = 1 << 20,
                            .is_system_dropped = false,
                            .drop_phrases = {}},
                  .train = {},
                  .heldout = {},
                  .manifest = {}};
  json::Object dialogues;
  for (std::size_t i = 0; i < generated.kept.size(); ++i) {
    dialogues[grammar.dialogues()[i].name] = generated.kept[i];
  }
  set.manifest = json::Object{{"name", templates.name},
                              {"kind", "templates"},
                              {"licence", "Apache-2.0"},
                              {"origin", "written by this project"},
                              {"files", std::move(file_list)},
                              {"seed", templates.generator.seed},
                              {"chats", generated.chats.size()},
                              {"exact_duplicates_dropped", generated.repeat_count},
                              {"chats_by_first_dialogue", std::move(dialogues)}};
  Split(std::move(generated.chats), config.heldout_share, set);
  return set;
}

Document CutForFinetune(const Document& chat, const ChatRules& rules) {
  Document cut{.text = {}, .messages = {}, .line = chat.line};
  for (const ChatMessage& message : chat.messages) {
    if (message.role == ChatMessage::Role::kSystem && rules.is_system_dropped) continue;
    if (static_cast<std::int64_t>(cut.messages.size()) == rules.messages_max ||
        static_cast<std::int64_t>(message.content.size()) > rules.message_bytes_max) {
      break;
    }
    if (message.role == ChatMessage::Role::kAssistant) {
      const std::string lower = ToLower(message.content);
      for (const std::string& phrase : rules.drop_phrases) {
        if (lower.find(phrase) != std::string::npos) return {};
      }
    }
    cut.messages.push_back(message);
  }
  while (!cut.messages.empty() && cut.messages.back().role != ChatMessage::Role::kAssistant) {
    cut.messages.pop_back();
  }
  return cut.messages.size() < 2 ? Document{} : cut;
}

}  // namespace holdfast::trainer
