// Run checkpoints: the whole state of a training run in one file, from which it goes on bit for
// bit. A file appears under its name whole and on the disk or not at all; a checksum over
// everything is tested before anything of it is used. Byte format: docs/formats/run-checkpoint.md.
// Free functions; single-threaded on one state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "trainer/train_step.h"

namespace holdfast::trainer {

// Where a run is, beside the arrays of TrainState.
struct RunProgress {
  std::int64_t step = 0;        // Train steps since the start of the run.
  std::int64_t stage = 0;       // Index in the recipe.
  std::int64_t stage_step = 0;  // Steps done of the stage.
  std::int64_t stage_steps =
      0;                // Steps at which it ends; earlier than planned after an early decay.
  std::string cursor;   // Of the stage's token source; empty at its start.
  json::Object ledger;  // Sums so far (ledger.h).
};

struct RunCheckpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
};

// Writes DIR/step-<step>.ckpt and then removes all but the `kept` newest. Errors: kDiskFull, kIo,
// kPermissionDenied; earlier checkpoints are then still there.
[[nodiscard]] Result<RunCheckpoint> SaveRunCheckpoint(const std::filesystem::path& dir,
                                                      const RunProgress& progress,
                                                      TrainState& state, int kept);

// Checkpoints of a folder, newest first; none if there is no such folder.
std::vector<RunCheckpoint> ListRunCheckpoints(const std::filesystem::path& dir);

// Restores into a state of the same layout. Errors: kCorrupt (checksum, sizes), kInvalidArgument
// (another layout), kNotFound, kIo. The state is changed only after all checks.
[[nodiscard]] Result<RunProgress> LoadRunCheckpoint(const std::filesystem::path& path,
                                                    TrainState& state);

}  // namespace holdfast::trainer
