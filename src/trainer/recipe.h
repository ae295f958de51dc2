// Recipe: everything that decides a training run, read from one TOML file. Paths of data are given
// beside it on the command line, so that a recipe names no machine. Value types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/config.h"
#include "trainer/optimizer.h"

namespace holdfast::trainer {

struct RecipeSet {
  std::string set;    // Shard DATA/shards/<set>.tokens.
  double weight = 0;  // Exactly one of the two, as in DataSetOptions.
  double epochs = 0;
};

struct RecipeStage {
  std::string name;
  enum class Kind : std::uint8_t {
    kPretrain,  // Whole documents are targets; attention crosses documents of a row.
    kSft,       // Targets as the shards say; each chat sees only itself.
    kMtp,       // Trains the MTP module alone, on a frozen trunk.
  } kind = Kind::kPretrain;
  std::int64_t tokens = 0;
  std::int64_t batch_tokens = 16384;
  std::int64_t seq_len = 256;
  double learning_rate = 2e-3;
  double final_ratio = 0.02;      // Learning rate at the end, over the peak.
  double warmup_fraction = 0.02;  // Of the stage's steps.
  double decay_fraction = 0.4;    // Of the stage's steps, at its end.
  // Wall time at which the stage shall be over: decay starts early enough for it. 0: no limit.
  double minutes_max = 0;
  double bias_update_speed = 0.001;
  double bias_freeze_fraction = 0.05;  // The last steps leave the router bias alone.
  double balance_alpha = 1e-4;
  double mtp_weight = 0;  // Of kPretrain and kSft; kMtp trains with 1.
  double z_loss = 0;
  double clip_norm = 1.0;
  std::vector<RecipeSet> data;

  std::int64_t Steps() const { return (tokens + batch_tokens - 1) / batch_tokens; }
};

struct Recipe {
  std::string name;
  std::uint64_t seed = 1;
  int threads = 0;  // 0: one per usable CPU.
  int lanes = 4;
  enum class Precision : std::uint8_t { kAuto, kBf16, kF32 } precision = Precision::kAuto;
  std::int64_t micro_batch_tokens = 1024;
  double init_deviation = 0.02;
  double checkpoint_minutes = 10;
  int checkpoints_kept = 2;
  double price_per_hour = 0;  // Of the machine, in the ledger's currency.
  std::string currency = "USD";
  // Held-out shards, each measured on its first `heldout_tokens` tokens.
  std::vector<std::string> heldout;
  std::int64_t heldout_tokens = 32768;
  std::int64_t heldout_every_steps = 100;
  OptimizerOptions optimizer;
  model::ModelConfig model;
  std::vector<RecipeStage> stages;
  std::string source;  // The text itself, kept with the ledger.
};

// Errors: kInvalidArgument (TOML, unknown keys, values outside their range; the message names
// `name`, table and key), kTooLarge.
[[nodiscard]] Result<Recipe> ParseRecipe(std::string_view text, std::string_view name);
// Also kNotFound, kIo.
[[nodiscard]] Result<Recipe> LoadRecipe(const std::filesystem::path& path);

}  // namespace holdfast::trainer
