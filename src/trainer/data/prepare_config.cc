#include "trainer/data/prepare_config.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "trainer/data/vocabulary.h"

namespace holdfast::trainer {
namespace {

// Reads typed keys of one table and remembers the first thing that is wrong.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string where)
      : table_(table), where_(std::move(where)) {}

  void Text(std::string_view key, std::string& out, bool is_required = false) {
    Read<std::string>(key, out, is_required, "text");
  }
  void Flag(std::string_view key, bool& out) { Read<bool>(key, out, false, "true or false"); }
  void Number(std::string_view key, double& out, double min, double max) {
    Read<double>(key, out, false, "a number");
    if (!(out >= min && out <= max)) Complain(key, fmt::format("must be in [{}, {}]", min, max));
  }
  template <typename Integer>
  void Integral(std::string_view key, Integer& out, std::int64_t min, std::int64_t max) {
    auto number = static_cast<std::int64_t>(out);
    Read<std::int64_t>(key, number, false, "a whole number");
    if (number < min || number > max) {
      Complain(key, fmt::format("must be in [{}, {}]", min, max));
    }
    out = static_cast<Integer>(number);
  }
  void Texts(std::string_view key, std::vector<std::string>& out, bool is_required = false) {
    known_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) {
      if (is_required) Complain(key, "is missing");
      return;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr) return Complain(key, "must be a list of texts");
    for (const toml::node& item : *array) {
      const auto text = item.value_exact<std::string>();
      if (!text) return Complain(key, "must be a list of texts");
      out.push_back(*text);
    }
  }
  void Known(std::string_view key) { known_.emplace_back(key); }

  Result<void> Finish() {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
        Complain(key.str(), "is not a key here");
      }
    }
    if (!complaint_.empty()) return Fail(ErrorCode::kInvalidArgument, "{}", complaint_);
    return {};
  }

 private:
  template <typename T>
  void Read(std::string_view key, T& out, bool is_required, std::string_view type) {
    known_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) {
      if (is_required) Complain(key, "is missing");
      return;
    }
    if (const auto value = node->value<T>()) {
      out = *value;
    } else {
      Complain(key, fmt::format("must be {}", type));
    }
  }

  void Complain(std::string_view key, std::string_view what) {
    if (complaint_.empty()) complaint_ = fmt::format("{}: \"{}\" {}", where_, key, what);
  }

  const toml::table& table_;
  std::string where_;
  std::vector<std::string> known_;
  std::string complaint_;
};

constexpr double kEpochsMax = 100;
constexpr std::int64_t kChatCountMax = 10'000'000;

Result<SourceConfig> ReadSource(const toml::table& table, const std::string& where) {
  SourceConfig source;
  TableReader reader(table, where);
  std::string kind;
  reader.Text("name", source.name, true);
  reader.Text("file", source.file, true);
  reader.Text("kind", kind, true);
  reader.Text("licence", source.licence, true);
  reader.Text("origin", source.origin, true);
  reader.Text("attribution", source.attribution);
  reader.Text("sha256", source.sha256, true);
  reader.Integral("plain_bytes", source.plain_bytes, 1, std::numeric_limits<std::int64_t>::max());
  reader.Number("pretrain_epochs", source.pretrain_epochs, 0, kEpochsMax);
  reader.Number("finetune_epochs", source.finetune_epochs, 0, kEpochsMax);
  reader.Integral("messages_max", source.rules.messages_max, 2, 1024);
  reader.Integral("message_bytes_max", source.rules.message_bytes_max, 1, 1 << 20);
  reader.Flag("drop_system", source.rules.is_system_dropped);
  reader.Texts("drop_phrases", source.rules.drop_phrases);
  TRY(reader.Finish());
  if (kind != "text" && kind != "chat") {
    return Fail(ErrorCode::kInvalidArgument, "{}: \"kind\" must be text or chat", where);
  }
  source.is_chat = kind == "chat";
  if (source.file.starts_with('/') || source.file.find("..") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "{}: \"file\" must be below the corpora folder",
                where);
  }
  if (!source.is_chat && source.finetune_epochs > 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}: only chats are for fine-tuning", where);
  }
  return source;
}

Result<TemplatesConfig> ReadTemplates(const toml::table& table, const std::string& where) {
  TemplatesConfig templates;
  TableReader reader(table, where);
  reader.Text("name", templates.name, true);
  reader.Texts("files", templates.files, true);
  reader.Integral("count", templates.generator.count, 0, kChatCountMax);
  reader.Integral("seed", templates.generator.seed, 0, std::numeric_limits<std::int64_t>::max());
  reader.Number("rough_share", templates.generator.rough_share, 0, 1);
  reader.Number("chained_share", templates.generator.chained_share, 0, 1);
  reader.Texts("only", templates.generator.only);
  reader.Number("system_share", templates.generator.system_share, 0, 1);
  reader.Text("system_list", templates.generator.system_list);
  reader.Integral("chain_bytes_max", templates.generator.chain_bytes_max, 0, 1 << 20);
  reader.Number("pretrain_epochs", templates.pretrain_epochs, 0, kEpochsMax);
  reader.Number("finetune_epochs", templates.finetune_epochs, 0, kEpochsMax);
  TRY(reader.Finish());
  return templates;
}

Result<void> ReadSettings(const toml::table& root, PrepareConfig& config, const std::string& name) {
  if (const toml::table* table = root["vocabulary"].as_table()) {
    TableReader reader(*table, name + ": [vocabulary]");
    reader.Integral("size", config.vocab_size, kSpecialTokenCount + 256, 1 << 20);
    reader.Integral("model_max_length", config.model_max_length, 1, 1 << 24);
    TRY(reader.Finish());
  }
  if (const toml::table* table = root["heldout"].as_table()) {
    TableReader reader(*table, name + ": [heldout]");
    reader.Number("share", config.heldout_share, 0, 0.5);
    TRY(reader.Finish());
  }
  if (const toml::table* table = root["dedup"].as_table()) {
    TableReader reader(*table, name + ": [dedup]");
    reader.Flag("near", config.dedup.is_near_on);
    reader.Integral("shingle_words", config.dedup.shingle_words, 1, 100);
    reader.Integral("bands", config.dedup.band_count, 1, 256);
    reader.Integral("rows_per_band", config.dedup.rows_per_band, 1, 64);
    reader.Number("jaccard_min", config.dedup.jaccard_min, 0, 1);
    reader.Integral("near_words_min", config.dedup.near_words_min, 1, 1 << 20);
    TRY(reader.Finish());
  }
  return {};
}

// The tables of an array of tables, [[key]].
Result<std::vector<const toml::table*>> TablesOf(const toml::table& root, std::string_view key,
                                                 const std::string& name) {
  std::vector<const toml::table*> tables;
  const toml::array* array = root[key].as_array();
  if (array == nullptr) {
    if (root.contains(key)) {
      return Fail(ErrorCode::kInvalidArgument, "{}: \"{}\" must be [[{}]]", name, key, key);
    }
    return tables;
  }
  if (array->size() > kSourceCountMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} entries of [[{}]], the limit is {}", name,
                array->size(), key, kSourceCountMax);
  }
  for (const toml::node& node : *array) {
    if (!node.is_table()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: \"{}\" must be [[{}]]", name, key, key);
    }
    tables.push_back(node.as_table());
  }
  return tables;
}

}  // namespace

Result<PrepareConfig> ParsePrepareConfig(std::string_view text, const std::string& name) {
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    return Fail(ErrorCode::kInvalidArgument, "{}:{}: {}", name, parsed.error().source().begin.line,
                parsed.error().description());
  }
  const toml::table& root = parsed.table();
  PrepareConfig config;
  TableReader top(root, name);
  for (const char* key : {"vocabulary", "heldout", "dedup", "source", "templates"}) top.Known(key);
  TRY(top.Finish());
  TRY(ReadSettings(root, config, name));
  TRY_ASSIGN(const auto sources, TablesOf(root, "source", name));
  std::vector<std::string> names;
  for (const toml::table* table : sources) {
    TRY_ASSIGN(SourceConfig source, ReadSource(*table, fmt::format("{}:{}: [[source]]", name,
                                                                   table->source().begin.line)));
    names.push_back(source.name);
    config.sources.push_back(std::move(source));
  }
  TRY_ASSIGN(const auto templates, TablesOf(root, "templates", name));
  for (const toml::table* table : templates) {
    TRY_ASSIGN(TemplatesConfig read,
               ReadTemplates(
                   *table, fmt::format("{}:{}: [[templates]]", name, table->source().begin.line)));
    names.push_back(read.name);
    config.templates.push_back(std::move(read));
  }
  // Names become file names.
  std::sort(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_plain =
        !names[i].empty() && std::all_of(names[i].begin(), names[i].end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
    if (!is_plain || (i > 0 && names[i] == names[i - 1])) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: the name \"{}\" is used twice or has other characters than a-z 0-9 - _",
                  name, names[i]);
    }
  }
  return config;
}

}  // namespace holdfast::trainer
