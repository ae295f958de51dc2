// How fast is a train step, and how near the machine's limit? Trains the starter's shape on random
// tokens and prints tokens/s by wall clock and by CPU time (the fair figure on a busy machine), and
// the share of the matrix-product peak measured in the same run.
//
//   train_bench [threads] [muon|adamw] [bf16|f32] [seq_len] [micro_batch_tokens]
//
// What is not given is as in the first stage of models/starter/starter.toml.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/resource.h>

#include "base/check.h"
#include "base/random.h"
#include "kernels/gemm.h"
#include "trainer/recipe.h"
#include "trainer/train_step.h"

namespace {

using namespace holdfast;

constexpr int kSteps = 5;  // After one that compiles the products.

// The starter's recipe; its MTP module is left out, since its stages but the last train without.
trainer::Recipe StarterRecipe() {
  auto recipe = trainer::LoadRecipe(HOLDFAST_SOURCE_DIR "/models/starter/starter.toml");
  CHECK_MSG(recipe.has_value(), "{}", recipe.error().message);
  recipe->model.num_nextn_predict_layers = 0;
  return *std::move(recipe);
}

trainer::PackedBatch RandomTokens(std::int64_t rows, std::int64_t seq_len,
                                  std::int64_t vocabulary) {
  Random random(1);
  trainer::PackedBatch batch;
  batch.rows = rows;
  batch.seq_len = seq_len;
  for (std::int64_t i = 0; i < rows * (seq_len + 1); ++i) {
    batch.tokens.push_back(
        static_cast<std::int32_t>(random.Next() % static_cast<std::uint64_t>(vocabulary)));
  }
  batch.loss_mask.assign(static_cast<std::size_t>(rows * seq_len), 1);
  batch.segment.assign(static_cast<std::size_t>(rows * seq_len), 0);
  return batch;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const trainer::Recipe recipe = StarterRecipe();
  const trainer::RecipeStage& stage = recipe.stages.front();
  const int threads = argc > 1 ? std::atoi(argv[1]) : parallel::UsableCpuCount();
  trainer::TrainStateOptions options;
  options.optimizer = recipe.optimizer;
  if (argc > 2) {
    options.optimizer.kind = std::string(argv[2]) == "muon"
                                 ? trainer::OptimizerOptions::Kind::kMuon
                                 : trainer::OptimizerOptions::Kind::kAdamW;
  }
  options.bf16 = argc > 3 ? std::string(argv[3]) == "bf16" : kernels::HasNativeBf16();
  const std::int64_t seq_len = argc > 4 ? std::atoi(argv[4]) : stage.seq_len;
  options.micro_batch_tokens = argc > 5 ? std::atoi(argv[5]) : recipe.micro_batch_tokens;
  options.optimizer.bf16 = options.bf16;
  options.lanes = recipe.lanes;
  options.seq_len_max = seq_len;
  options.init_deviation = recipe.init_deviation;
  if (threads < 1 || seq_len < 2 || options.micro_batch_tokens < seq_len) {
    std::fprintf(stderr,
                 "usage: train_bench [threads] [muon|adamw] [bf16|f32] [seq_len] "
                 "[micro_batch_tokens]\n");
    return 1;
  }
  const auto layout = trainer::ParameterLayout::Make(recipe.model);
  parallel::ThreadPool pool(threads);
  trainer::TrainState state(*layout, options, pool);
  const auto batch =
      RandomTokens(stage.batch_tokens / seq_len, seq_len, layout->config().vocab_size);
  const trainer::StepOptions step{.learning_rate = stage.learning_rate,
                                  .balance_alpha = stage.balance_alpha};
  const double peak = kernels::MeasureGemmPeak(options.bf16, 0.5);
  const double first_loss = state.Step(batch, step).loss;
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = CpuSeconds();
  double last_loss = 0;
  for (int i = 0; i < kSteps; ++i) last_loss = state.Step(batch, step).loss;
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cpu = CpuSeconds() - cpu_start;
  const double tokens = static_cast<double>(batch.rows * seq_len * kSteps);
  const double flops = layout->FlopsPerToken(seq_len, false);
  std::int64_t weights = 0;
  for (const trainer::Parameter& parameter : layout->parameters()) weights += parameter.Count();
  std::printf("%ld weights, %d threads, %s, seq_len %ld, micro-batch %ld, %s: %.2f MFLOP a token\n",
              static_cast<long>(weights), threads,
              options.optimizer.kind == trainer::OptimizerOptions::Kind::kMuon ? "muon" : "adamw",
              static_cast<long>(seq_len), static_cast<long>(options.micro_batch_tokens),
              options.bf16 ? "bf16" : "f32", flops * 1e-6);
  std::printf("loss %.4f to %.4f in %d steps on the same tokens\n", first_loss, last_loss, kSteps);
  std::printf("wall clock  %8.0f tokens/s  %6.0f GFLOP/s  %4.1f %% of %d x peak\n", tokens / wall,
              tokens * flops / wall * 1e-9, 100 * tokens * flops / wall / peak / threads, threads);
  std::printf("CPU time    %8.0f tokens/s a core  %4.1f %% of the peak of a core (%.0f GFLOP/s)\n",
              tokens / cpu, 100 * tokens * flops / cpu / peak, peak * 1e-9);
  return 0;
}
