#include "trainer/training_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "kernels/gemm.h"
#include "parallel/thread_pool.h"
#include "trainer/export.h"
#include "trainer/heldout.h"
#include "trainer/history.h"
#include "trainer/ledger.h"
#include "trainer/recipe.h"
#include "trainer/report.h"
#include "trainer/run_checkpoint.h"
#include "trainer/schedule.h"
#include "trainer/train_step.h"
#include "weights/atomic_file.h"

namespace holdfast::trainer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kProgressSeconds = 10;
constexpr double kPeakSeconds = 0.2;
// Every recorded step is one point of the report's curves.
constexpr std::int64_t kHistorySteps = 10;
// The speed of a stage is known after this many steps.
constexpr std::int64_t kSpeedSteps = 5;
// Steps whose loss or gradient is not a number are skipped; so many in a row end the run.
constexpr int kBadStepsMax = 10;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string ClockText(double seconds) {
  const std::int64_t whole = static_cast<std::int64_t>(std::max(0.0, seconds));
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

Schedule MakeSchedule(const RecipeStage& stage, std::int64_t total_steps) {
  return {.peak = stage.learning_rate,
          .final_ratio = stage.final_ratio,
          .warmup_steps = std::llround(stage.warmup_fraction * static_cast<double>(stage.Steps())),
          .decay_fraction = stage.decay_fraction,
          .total_steps = total_steps};
}

TrainStateOptions MakeStateOptions(const Recipe& recipe) {
  TrainStateOptions options;
  options.bf16 = recipe.precision == Recipe::Precision::kBf16 ||
                 (recipe.precision == Recipe::Precision::kAuto && kernels::HasNativeBf16());
  options.lanes = recipe.lanes;
  options.micro_batch_tokens = recipe.micro_batch_tokens;
  options.seq_len_max = 0;
  for (const RecipeStage& stage : recipe.stages) {
    options.seq_len_max = std::max(options.seq_len_max, stage.seq_len);
  }
  options.init_deviation = recipe.init_deviation;
  options.seed = recipe.seed;
  options.optimizer = recipe.optimizer;
  options.optimizer.bf16 = options.bf16;
  return options;
}

class TrainingRun {
 public:
  TrainingRun(const TrainingRunOptions& options, Recipe recipe, ParameterLayout layout)
      : options_(options),
        recipe_(std::move(recipe)),
        layout_(std::move(layout)),
        pool_(recipe_.threads),
        state_(layout_, MakeStateOptions(recipe_), pool_) {}

  Result<json::Object> Run();

 private:
  Result<void> Start();
  Result<void> LoadHeldoutSets();
  Result<void> RunStage(const RecipeStage& stage);
  Result<void> CheckStageData() const;
  DataOptions MakeDataOptions(std::int64_t stage_index) const;
  Result<std::unique_ptr<TokenSource>> OpenStageSource() const;
  StepOptions MakeStepOptions(const RecipeStage& stage, const Schedule& schedule) const;
  Result<void> Account(const RecipeStage& stage, const StepOptions& step, const StepResult& result,
                       double seconds);
  Result<void> MaybeEndEarly(const RecipeStage& stage);
  Result<void> Measure(const RecipeStage& stage);
  Result<void> Checkpoint(const TokenSource* source);
  json::Object MakeLedgerReport() const;
  Result<void> WriteLedger() const;
  Result<void> Export() const;
  void PrintProgress(const RecipeStage& stage, const StepOptions& step, const StepResult& result);
  bool IsStopping() const {
    return (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) ||
           (options_.steps_max > 0 && session_steps_ >= options_.steps_max);
  }
  bool WithMtp(const RecipeStage& stage) const {
    return stage.kind == RecipeStage::Kind::kMtp || stage.mtp_weight > 0;
  }

  const TrainingRunOptions& options_;
  Recipe recipe_;
  ParameterLayout layout_;
  parallel::ThreadPool pool_;
  TrainState state_;
  RunProgress progress_;
  Ledger ledger_;
  EnergyMeter energy_;
  std::optional<History> history_;
  std::vector<HeldoutSet> heldout_;
  double peak_flops_ = 0;
  std::int64_t session_steps_ = 0;
  int bad_steps_ = 0;
  double seconds_per_step_ = 0;  // Recent mean, everything between steps included.
  Clock::time_point last_account_;
  Clock::time_point last_checkpoint_;
  Clock::time_point last_progress_;
};

Result<json::Object> TrainingRun::Run() {
  TRY(Start());
  while (progress_.stage < static_cast<std::int64_t>(recipe_.stages.size()) && !IsStopping()) {
    const RecipeStage& stage = recipe_.stages[static_cast<std::size_t>(progress_.stage)];
    TRY(RunStage(stage));
    if (progress_.stage_step < progress_.stage_steps) break;  // Stopped.
    TRY(Measure(stage));
    ++progress_.stage;
    progress_.stage_step = 0;
    progress_.stage_steps = 0;
    progress_.cursor.clear();
    ledger_.stage_seconds = 0;
    TRY(Checkpoint(nullptr));
    TRY(Export());
    log::info("stage {} done; model in {}", stage.name, (options_.out / "model").string());
  }
  // Resuming a finished run makes its model, ledger and report again.
  if (session_steps_ == 0 && progress_.step > 0) TRY(Export());
  TRY(WriteLedger());
  return MakeLedgerReport();
}

Result<void> TrainingRun::Export() const {
  const auto tokenizer = options_.data / "tokenizer";
  return ExportHuggingFace(state_, std::filesystem::exists(tokenizer) ? tokenizer : "",
                           options_.out / "model");
}

Result<void> TrainingRun::Start() {
  const auto checkpoints = ListRunCheckpoints(options_.out / "checkpoints");
  if (!checkpoints.empty() && !options_.resume) {
    return Fail(ErrorCode::kAlreadyExists, "{} holds a run already; --resume goes on with it",
                options_.out.string());
  }
  if (!checkpoints.empty()) {
    TRY_ASSIGN(progress_, LoadRunCheckpoint(checkpoints[0].path, state_));
    TRY_ASSIGN(ledger_, Ledger::FromJson(progress_.ledger));
    log::info("resuming from {}", checkpoints[0].path.string());
  }
  std::error_code error;
  std::filesystem::create_directories(options_.out, error);
  if (error) return Fail(ErrorCode::kIo, "make {}: {}", options_.out.string(), error.message());
  TRY(weights::WriteWholeFile(options_.out / "recipe.toml", recipe_.source));
  TRY_ASSIGN(history_, History::Open(options_.out / "history.jsonl", progress_.step));
  TRY(LoadHeldoutSets());
  TRY(CheckStageData());
  const bool bf16 = MakeStateOptions(recipe_).bf16;
  std::vector<double> peaks(static_cast<std::size_t>(pool_.worker_count()));
  pool_.Run(pool_.worker_count(), [&](std::int64_t task, int) {
    peaks[static_cast<std::size_t>(task)] = kernels::MeasureGemmPeak(bf16, kPeakSeconds);
  });
  for (const double peak : peaks) peak_flops_ += peak;
  log::info(
      "{}: {:.2f}M weights, {:.2f}M active; {} threads, {} lanes, {}; peak {:.0f} GFLOP/s; "
      "activations {:.0f} MB",
      recipe_.name, static_cast<double>(layout_.count()) * 1e-6,
      static_cast<double>(layout_.ActiveMatmulParameters(false)) * 1e-6, pool_.worker_count(),
      recipe_.lanes, bf16 ? "bf16" : "f32", peak_flops_ * 1e-9,
      static_cast<double>(state_.activation_bytes()) * 1e-6);
  last_account_ = last_checkpoint_ = Clock::now();
  last_progress_ = {};
  energy_.Take();
  return {};
}

Result<void> TrainingRun::LoadHeldoutSets() {
  const std::int64_t seq_len = recipe_.stages.front().seq_len;
  for (const std::string& name : recipe_.heldout) {
    const auto path = options_.data / "shards" / (name + ".tokens");
    TRY_ASSIGN(HeldoutSet set, LoadHeldout(name, path,
                                           {.tokens = recipe_.heldout_tokens,
                                            .seq_len = seq_len,
                                            .vocab_size = recipe_.model.vocab_size}));
    heldout_.push_back(std::move(set));
  }
  return {};
}

// A set that is missing or does not fit is told at the start, not after hours in a later stage.
Result<void> TrainingRun::CheckStageData() const {
  const auto stage_count = static_cast<std::int64_t>(recipe_.stages.size());
  for (std::int64_t index = progress_.stage; index < stage_count; ++index) {
    TRY(OpenTokenSource(MakeDataOptions(index)));
  }
  return {};
}

DataOptions TrainingRun::MakeDataOptions(std::int64_t stage_index) const {
  const RecipeStage& stage = recipe_.stages[static_cast<std::size_t>(stage_index)];
  DataOptions data;
  data.seed = recipe_.seed + static_cast<std::uint64_t>(stage_index);
  data.vocab_size = recipe_.model.vocab_size;
  for (const RecipeSet& set : stage.data) {
    data.sets.push_back({.name = set.set,
                         .path = options_.data / "shards" / (set.set + ".tokens"),
                         .weight = set.weight,
                         .epochs = set.epochs});
  }
  return data;
}

Result<std::unique_ptr<TokenSource>> TrainingRun::OpenStageSource() const {
  TRY_ASSIGN(std::unique_ptr<TokenSource> source,
             OpenTokenSource(MakeDataOptions(progress_.stage)));
  if (!progress_.cursor.empty()) TRY(source->RestoreCursor(progress_.cursor));
  return source;
}

StepOptions TrainingRun::MakeStepOptions(const RecipeStage& stage, const Schedule& schedule) const {
  const double frozen_from =
      static_cast<double>(schedule.total_steps) * (1.0 - stage.bias_freeze_fraction);
  const bool is_frozen = static_cast<double>(progress_.stage_step) >= frozen_from;
  const bool mtp_only = stage.kind == RecipeStage::Kind::kMtp;
  return {.learning_rate = LearningRate(schedule, progress_.stage_step),
          .clip_norm = stage.clip_norm,
          .bias_update_speed = is_frozen ? 0.0 : stage.bias_update_speed,
          .balance_alpha = stage.balance_alpha,
          .z_loss = stage.z_loss,
          .mtp_weight = mtp_only ? 1.0 : stage.mtp_weight,
          .mtp_only = mtp_only,
          .isolate = stage.kind == RecipeStage::Kind::kSft};
}

Result<void> TrainingRun::RunStage(const RecipeStage& stage) {
  if (progress_.stage_steps == 0) progress_.stage_steps = stage.Steps();
  TRY_ASSIGN(const std::unique_ptr<TokenSource> source, OpenStageSource());
  PackedBatch batch;
  while (progress_.stage_step < progress_.stage_steps && !IsStopping()) {
    TRY(MaybeEndEarly(stage));
    const Schedule schedule = MakeSchedule(stage, progress_.stage_steps);
    if (progress_.stage_step >= progress_.stage_steps) break;
    TRY(source->Next(stage.batch_tokens / stage.seq_len, stage.seq_len, batch));
    const StepOptions step = MakeStepOptions(stage, schedule);
    const StepResult result = state_.Step(batch, step);
    ++progress_.step;
    ++progress_.stage_step;
    ++session_steps_;
    bad_steps_ = result.is_finite ? 0 : bad_steps_ + 1;
    if (bad_steps_ >= kBadStepsMax) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "step {}: loss or gradient was not a number {} times in a row", progress_.step,
                  bad_steps_);
    }
    TRY(Account(stage, step, result, SecondsSince(last_account_)));
    if (progress_.step % recipe_.heldout_every_steps == 0) TRY(Measure(stage));
    if (SecondsSince(last_checkpoint_) > recipe_.checkpoint_minutes * 60) {
      TRY(Checkpoint(source.get()));
    }
  }
  if (IsStopping()) TRY(Checkpoint(source.get()));
  return {};
}

Result<void> TrainingRun::MaybeEndEarly(const RecipeStage& stage) {
  Schedule schedule = MakeSchedule(stage, progress_.stage_steps);
  const bool asked = (options_.decay_now && session_steps_ == 0) ||
                     (options_.decay != nullptr && options_.decay->exchange(false));
  std::int64_t total = schedule.total_steps;
  if (asked) {
    total = TotalStepsWithDecayNow(schedule, progress_.stage_step);
  } else if (stage.minutes_max > 0 && progress_.stage_step > kSpeedSteps) {
    total =
        TotalStepsForDeadline(schedule, progress_.stage_step,
                              stage.minutes_max * 60 - ledger_.stage_seconds, seconds_per_step_);
  }
  if (total == schedule.total_steps) return {};
  log::info("stage {}: {} steps instead of {}, decided at step {}", stage.name, total,
            schedule.total_steps, progress_.stage_step);
  progress_.stage_steps = total;
  return {};
}

Result<void> TrainingRun::Account(const RecipeStage& stage, const StepOptions& step,
                                  const StepResult& result, double seconds) {
  last_account_ = Clock::now();
  const double weight = session_steps_ == 1 ? 1.0 : 0.05;
  seconds_per_step_ += weight * (seconds - seconds_per_step_);
  ledger_.tokens += stage.batch_tokens;
  ledger_.target_tokens += result.targets;
  ledger_.flops += static_cast<double>(stage.batch_tokens) *
                   layout_.FlopsPerToken(stage.seq_len, WithMtp(stage));
  ledger_.seconds += seconds;
  ledger_.stage_seconds += seconds;
  if (const auto joules = energy_.Take()) {
    ledger_.joules += *joules;
    ledger_.has_energy = true;
  }
  if (SecondsSince(last_progress_) > kProgressSeconds) PrintProgress(stage, step, result);
  if (progress_.step % kHistorySteps != 0) return {};
  json::Object line;
  line["step"] = progress_.step;
  line["stage"] = stage.name;
  line["tokens"] = ledger_.tokens;
  line["loss"] = result.loss;
  if (WithMtp(stage)) line["mtp_loss"] = result.mtp_loss;
  line["balance_loss"] = result.balance_loss;
  line["learning_rate"] = step.learning_rate;
  line["gradient_norm"] = result.gradient_norm;
  line["expert_load_max"] = result.expert_load_max;
  line["seconds"] = ledger_.seconds;
  line["expert_count"] = json::Array(result.expert_count.begin(), result.expert_count.end());
  return history_->Add(line);
}

void TrainingRun::PrintProgress(const RecipeStage& stage, const StepOptions& step,
                                const StepResult& result) {
  last_progress_ = Clock::now();
  const double rate = static_cast<double>(stage.batch_tokens) / seconds_per_step_;
  const double mfu = rate * layout_.FlopsPerToken(stage.seq_len, WithMtp(stage)) / peak_flops_;
  double left =
      static_cast<double>(progress_.stage_steps - progress_.stage_step) * seconds_per_step_;
  if (stage.minutes_max > 0) {
    left = std::min(left, stage.minutes_max * 60 - ledger_.stage_seconds);
  }
  log::info(
      "{} {}/{} loss {:.4f}{} lr {:.2e} norm {:.2f} load {:.2f} | {:.1f}M tok, {:.0f} tok/s, "
      "MFU {:.1f} %, ETA {}",
      stage.name, progress_.stage_step, progress_.stage_steps, result.loss,
      WithMtp(stage) ? fmt::format(" mtp {:.4f}", result.mtp_loss) : "", step.learning_rate,
      result.gradient_norm, result.expert_load_max, static_cast<double>(ledger_.tokens) * 1e-6,
      rate, mfu * 100, ClockText(left));
}

Result<void> TrainingRun::Measure(const RecipeStage& stage) {
  json::Object sets;
  std::string text;
  for (const HeldoutSet& set : heldout_) {
    const HeldoutResult measured = MeasureHeldout(set, state_, WithMtp(stage));
    json::Object entry;
    entry["loss"] = measured.loss;
    entry["bits_per_byte"] = measured.bits_per_byte;
    if (WithMtp(stage)) entry["mtp_loss"] = measured.mtp_loss;
    sets[measured.name] = std::move(entry);
    text += fmt::format(" {} {:.4f} ({:.4f} bits/byte)", measured.name, measured.loss,
                        measured.bits_per_byte);
    if (WithMtp(stage)) text += fmt::format(" mtp {:.4f}", measured.mtp_loss);
  }
  if (sets.empty()) return {};
  log::info("held-out at step {}:{}", progress_.step, text);
  json::Object line;
  line["step"] = progress_.step;
  line["stage"] = stage.name;
  line["tokens"] = ledger_.tokens;
  line["heldout"] = std::move(sets);
  return history_->Add(line);
}

Result<void> TrainingRun::Checkpoint(const TokenSource* source) {
  if (source != nullptr) progress_.cursor = source->SaveCursor();
  progress_.ledger = ledger_.ToJson();
  const auto start = Clock::now();
  TRY_ASSIGN(const RunCheckpoint saved, SaveRunCheckpoint(options_.out / "checkpoints", progress_,
                                                          state_, recipe_.checkpoints_kept));
  last_checkpoint_ = Clock::now();
  TRY(WriteLedger());
  log::info("checkpoint {} in {:.1f} s", saved.path.string(), SecondsSince(start));
  return {};
}

json::Object TrainingRun::MakeLedgerReport() const {
  json::Object report = LedgerReport(ledger_, recipe_.price_per_hour, recipe_.currency);
  report["recipe"] = recipe_.name;
  report["steps"] = progress_.step;
  report["peak_flops_per_second"] = peak_flops_;
  if (ledger_.seconds > 0) {
    report["mfu_percent"] = 100 * ledger_.flops / ledger_.seconds / peak_flops_;
  }
  return report;
}

Result<void> TrainingRun::WriteLedger() const {
  const json::Object report = MakeLedgerReport();
  TRY(weights::WriteWholeFile(options_.out / "ledger.json", json::Write(report) + "\n"));
  return weights::WriteWholeFile(
      options_.out / "report.html",
      MakeReport(recipe_.name, ReadHistory(options_.out / "history.jsonl"), report,
                 layout_.config().n_routed_experts));
}

}  // namespace

Result<json::Object> RunTraining(const TrainingRunOptions& options) {
  TRY_ASSIGN(Recipe recipe, LoadRecipe(options.recipe));
  TRY_ASSIGN(ParameterLayout layout, ParameterLayout::Make(recipe.model));
  TrainingRun run(options, std::move(recipe), std::move(layout));
  return run.Run();
}

}  // namespace holdfast::trainer
