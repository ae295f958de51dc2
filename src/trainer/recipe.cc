#include "trainer/recipe.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

// Errors come back as values; the library throws otherwise.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace holdfast::trainer {
namespace {

constexpr std::size_t kRecipeBytesMax = 1u << 20;
constexpr std::int64_t kTokensMax = 1'000'000'000'000;
constexpr std::int64_t kBatchTokensMax = 1 << 26;
constexpr std::int64_t kSeqLenMax = 65536;
constexpr int kLanesMax = 256;

// Takes members of one table, with their ranges, and then tells which keys were never asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string where)
      : table_(table), where_(std::move(where)) {}

  void Int(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto found = node->value_exact<std::int64_t>();
    if (!found || *found < min || *found > max) {
      return Wrong(key, fmt::format("an integer in {}..{}", min, max));
    }
    value = *found;
  }
  void Int(std::string_view key, int& value, int min, int max) {
    std::int64_t wide = value;
    Int(key, wide, min, max);
    value = static_cast<int>(wide);
  }
  void Number(std::string_view key, double& value, double min, double max) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto found = node->value<double>();
    if (!found || !(*found >= min && *found <= max)) {
      return Wrong(key, fmt::format("a number in {}..{}", min, max));
    }
    value = *found;
  }
  void String(std::string_view key, std::string& value) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto found = node->value_exact<std::string>();
    if (!found) return Wrong(key, "a string");
    value = *found;
  }
  template <typename Enum>
  void Choice(std::string_view key, Enum& value,
              const std::vector<std::pair<std::string, Enum>>& choices) {
    std::string text;
    String(key, text);
    if (text.empty()) return;
    std::string names;
    for (const auto& [name, choice] : choices) {
      if (name == text) {
        value = choice;
        return;
      }
      names += (names.empty() ? "" : ", ") + name;
    }
    Wrong(key, "one of " + names);
  }
  const toml::node* Take(std::string_view key) {
    taken_.emplace_back(key);
    return table_.get(key);
  }
  void Wrong(std::string_view key, std::string_view expected) {
    if (error_.empty()) error_ = fmt::format("{}: '{}' must be {}", where_, key, expected);
  }
  Result<void> Finish() {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(taken_, key.str()) == taken_.end() && error_.empty()) {
        error_ = fmt::format("{}: unknown key '{}'", where_, key.str());
      }
    }
    if (!error_.empty()) return Fail(ErrorCode::kInvalidArgument, "{}", error_);
    return {};
  }

 private:
  const toml::table& table_;
  std::string where_;
  std::vector<std::string> taken_;
  std::string error_;
};

// Every key must be one of `known`; a table is read where `known` has an object.
Result<json::Object> ToJson(const toml::table& table, const json::Object& known,
                            const std::string& where) {
  json::Object object;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const json::Value* example = json::Find(known, name);
    if (example == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "{}: unknown key '{}'", where, name);
    }
    if (example->is_object() && node.is_table()) {
      TRY_ASSIGN(object[name], ToJson(*node.as_table(), example->get_object(),
                                      fmt::format("{} {}", where, name)));
    } else if (const auto flag = node.value_exact<bool>()) {
      object[name] = *flag;
    } else if (const auto integer = node.value_exact<std::int64_t>()) {
      object[name] = *integer;
    } else if (const auto number = node.value_exact<double>()) {
      object[name] = *number;
    } else if (const auto text = node.value_exact<std::string>()) {
      object[name] = *text;
    } else {
      return Fail(ErrorCode::kInvalidArgument, "{}: '{}' must be a plain value", where, name);
    }
  }
  return object;
}

Result<void> ReadModel(const toml::table& table, const std::string& where, Recipe& recipe) {
  // The known keys are those that we write ourselves when nothing is left out.
  model::ModelConfig full;
  full.n_routed_experts = 1;
  full.q_lora_rank = 1;
  full.rope_scaling.emplace();
  full.bos_token_id = full.eos_token_id = 0;
  TRY_ASSIGN(json::Object object,
             ToJson(table, model::WriteModelConfig(full), where + ": [model]"));
  if (!object.contains("model_type")) object["model_type"] = "deepseek_v3";
  TRY_ASSIGN(recipe.model, model::ParseModelConfig(object));
  return {};
}

Result<void> ReadOptimizer(const toml::table& table, const std::string& where, Recipe& recipe) {
  OptimizerOptions& o = recipe.optimizer;
  TableReader reader(table, where + ": [optimizer]");
  reader.Choice(
      "kind", o.kind,
      {{"muon", OptimizerOptions::Kind::kMuon}, {"adamw", OptimizerOptions::Kind::kAdamW}});
  reader.Number("beta1", o.beta1, 0, 0.9999);
  reader.Number("beta2", o.beta2, 0, 0.99999);
  reader.Number("eps", o.eps, 1e-16, 1e-2);
  reader.Number("weight_decay", o.weight_decay, 0, 10);
  reader.Number("momentum", o.momentum, 0, 0.9999);
  return reader.Finish();
}

Result<std::vector<RecipeSet>> ReadSets(const toml::node* node, const std::string& where) {
  std::vector<RecipeSet> sets;
  const toml::array* array = node == nullptr ? nullptr : node->as_array();
  if (array == nullptr || array->empty()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: 'data' must be a list of sets", where);
  }
  for (const toml::node& item : *array) {
    const toml::table* table = item.as_table();
    if (table == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "{}: 'data' must be a list of tables", where);
    }
    RecipeSet set;
    TableReader reader(*table, fmt::format("{} data {}", where, sets.size() + 1));
    reader.String("set", set.set);
    reader.Number("weight", set.weight, 0, 1e6);
    reader.Number("epochs", set.epochs, 0, 1e6);
    TRY(reader.Finish());
    if (set.set.empty() || set.set.find('/') != std::string::npos ||
        (set.weight > 0) == (set.epochs > 0)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{} data {}: needs 'set' (a name) and one of 'weight' and 'epochs'", where,
                  sets.size() + 1);
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

Result<RecipeStage> ReadStage(const toml::table& table, const std::string& where) {
  RecipeStage stage;
  TableReader reader(table, where);
  reader.String("name", stage.name);
  reader.Choice("kind", stage.kind,
                {{"pretrain", RecipeStage::Kind::kPretrain},
                 {"sft", RecipeStage::Kind::kSft},
                 {"mtp", RecipeStage::Kind::kMtp}});
  reader.Int("tokens", stage.tokens, 1, kTokensMax);
  reader.Int("batch_tokens", stage.batch_tokens, 1, kBatchTokensMax);
  reader.Int("seq_len", stage.seq_len, 2, kSeqLenMax);
  reader.Number("learning_rate", stage.learning_rate, 0, 1);
  reader.Number("final_ratio", stage.final_ratio, 0, 1);
  reader.Number("warmup_fraction", stage.warmup_fraction, 0, 1);
  reader.Number("decay_fraction", stage.decay_fraction, 0, 1);
  reader.Number("minutes_max", stage.minutes_max, 0, 1e7);
  reader.Number("bias_update_speed", stage.bias_update_speed, 0, 1);
  reader.Number("bias_freeze_fraction", stage.bias_freeze_fraction, 0, 1);
  reader.Number("balance_alpha", stage.balance_alpha, 0, 1);
  reader.Number("mtp_weight", stage.mtp_weight, 0, 10);
  reader.Number("z_loss", stage.z_loss, 0, 1);
  reader.Number("clip_norm", stage.clip_norm, 0, 1e6);
  const toml::node* data = reader.Take("data");
  TRY(reader.Finish());
  TRY_ASSIGN(stage.data, ReadSets(data, where));
  if (stage.name.empty() || stage.tokens == 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}: needs 'name' and 'tokens'", where);
  }
  if (stage.batch_tokens % stage.seq_len != 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}: batch_tokens {} is not a multiple of seq_len {}",
                where, stage.batch_tokens, stage.seq_len);
  }
  return stage;
}

Result<void> ReadRun(TableReader& reader, Recipe& recipe) {
  std::int64_t seed = 1;
  reader.String("name", recipe.name);
  reader.Int("seed", seed, 0, INT64_MAX);
  recipe.seed = static_cast<std::uint64_t>(seed);
  reader.Int("threads", recipe.threads, 0, 1024);
  reader.Int("lanes", recipe.lanes, 1, kLanesMax);
  reader.Choice("precision", recipe.precision,
                {{"auto", Recipe::Precision::kAuto},
                 {"bf16", Recipe::Precision::kBf16},
                 {"f32", Recipe::Precision::kF32}});
  reader.Int("micro_batch_tokens", recipe.micro_batch_tokens, 1, kBatchTokensMax);
  reader.Number("init_deviation", recipe.init_deviation, 1e-6, 10);
  reader.Number("checkpoint_minutes", recipe.checkpoint_minutes, 0, 1e6);
  reader.Int("checkpoints_kept", recipe.checkpoints_kept, 1, 1000);
  reader.Number("price_per_hour", recipe.price_per_hour, 0, 1e9);
  reader.String("currency", recipe.currency);
  reader.Int("heldout_tokens", recipe.heldout_tokens, 1, kBatchTokensMax);
  reader.Int("heldout_every_steps", recipe.heldout_every_steps, 1, kTokensMax);
  const toml::node* heldout = reader.Take("heldout");
  if (heldout == nullptr) return {};
  const toml::array* list = heldout->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto set = list->get(i)->value_exact<std::string>();
    if (set) recipe.heldout.push_back(*set);
  }
  if (list == nullptr || recipe.heldout.size() != list->size()) {
    reader.Wrong("heldout", "a list of names of sets");
  }
  return {};
}

Result<void> CheckAgainstEachOther(const Recipe& recipe, std::string_view name) {
  for (const RecipeStage& stage : recipe.stages) {
    if (stage.seq_len > recipe.model.max_position_embeddings) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: stage {}: seq_len {} is over the model's max_position_embeddings {}", name,
                  stage.name, stage.seq_len, recipe.model.max_position_embeddings);
    }
    if (stage.seq_len > recipe.micro_batch_tokens) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: stage {}: seq_len {} is over micro_batch_tokens {}", name, stage.name,
                  stage.seq_len, recipe.micro_batch_tokens);
    }
    const bool needs_mtp = stage.kind == RecipeStage::Kind::kMtp || stage.mtp_weight > 0;
    if (needs_mtp && recipe.model.num_nextn_predict_layers == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: stage {} trains an MTP module, but num_nextn_predict_layers is 0", name,
                  stage.name);
    }
  }
  return {};
}

}  // namespace

Result<Recipe> ParseRecipe(std::string_view text, std::string_view name) {
  if (text.size() > kRecipeBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: over {} bytes", name, kRecipeBytesMax);
  }
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    return Fail(ErrorCode::kInvalidArgument, "{}: line {}: {}", name,
                parsed.error().source().begin.line, parsed.error().description());
  }
  const toml::table& root = parsed.table();
  const std::string where(name);
  Recipe recipe;
  recipe.source = std::string(text);
  TableReader reader(root, where);
  TRY(ReadRun(reader, recipe));
  const toml::node* model = reader.Take("model");
  const toml::node* optimizer = reader.Take("optimizer");
  const toml::node* stages = reader.Take("stage");
  TRY(reader.Finish());
  if (model == nullptr || !model->is_table()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: needs a table [model]", name);
  }
  TRY(ReadModel(*model->as_table(), where, recipe));
  if (optimizer != nullptr) {
    if (!optimizer->is_table()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: 'optimizer' must be a table", name);
    }
    TRY(ReadOptimizer(*optimizer->as_table(), where, recipe));
  }
  const toml::array* list = stages == nullptr ? nullptr : stages->as_array();
  if (list == nullptr || list->empty() || recipe.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: needs 'name' and at least one [[stage]]", name);
  }
  for (const toml::node& node : *list) {
    if (!node.is_table()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: 'stage' must be a list of tables", name);
    }
    TRY_ASSIGN(
        RecipeStage stage,
        ReadStage(*node.as_table(), fmt::format("{}: stage {}", name, recipe.stages.size() + 1)));
    recipe.stages.push_back(std::move(stage));
  }
  TRY(CheckAgainstEachOther(recipe, name));
  return recipe;
}

Result<Recipe> LoadRecipe(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kNotFound, "cannot open {}", path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return ParseRecipe(text.str(), path.filename().string());
}

}  // namespace holdfast::trainer
