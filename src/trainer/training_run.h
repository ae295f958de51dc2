// TrainingRun: a recipe carried out — stages one after the other, progress lines, held-out
// measurements, checkpoints, ledger, and the exported model at the end. Going on from a checkpoint
// gives the same weights, bit for bit, as never having stopped. Single-threaded.
//
//   OUT/checkpoints/step-*.ckpt   OUT/history.jsonl   OUT/ledger.json   OUT/recipe.toml
//   OUT/report.html               OUT/model/          (Hugging Face directory, at every stage's
//   end)
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "json/json.h"

namespace holdfast::trainer {

struct TrainingRunOptions {
  std::filesystem::path recipe;
  std::filesystem::path data;  // As `holdfast data prepare` wrote it: shards/ and tokenizer/.
  std::filesystem::path out;
  bool resume = false;         // Go on from the newest checkpoint; without one, start.
  std::int64_t steps_max = 0;  // Stop after so many steps of this session; 0: run to the end.
  bool decay_now = false;      // Start the decay of the current stage at once.
  // Set from signal handlers: write a checkpoint and end; start the decay.
  const std::atomic<bool>* stop = nullptr;
  std::atomic<bool>* decay = nullptr;
};

// Returns the ledger. Errors: kInvalidArgument (recipe, data), kAlreadyExists (a run in OUT and not
// `resume`), kDiskFull, kIo, kFailedPrecondition (the loss is not a number any more).
[[nodiscard]] Result<json::Object> RunTraining(const TrainingRunOptions& options);

}  // namespace holdfast::trainer
