// How fast is a train step, and how near the machine's limit? Trains the starter's shape on random
// tokens and prints tokens/s by wall clock and by CPU time (the fair figure on a busy machine), and
// the share of the matrix-product peak measured in the same run.
//
//   train_bench [threads] [seq_len] [micro_batch_tokens] [bf16|f32]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/resource.h>

#include "kernels/gemm.h"
#include "base/random.h"
#include "trainer/train_step.h"

namespace {

using namespace holdfast;

constexpr std::int64_t kBatchTokens = 16384;
constexpr int kSteps = 5;  // After one that compiles the products.

model::ModelConfig StarterConfig() {
  model::ModelConfig c;
  c.vocab_size = 4096;
  c.hidden_size = 256;
  c.num_hidden_layers = 6;
  c.first_k_dense_replace = 1;
  c.intermediate_size = 640;
  c.moe_intermediate_size = 128;
  c.n_routed_experts = 16;
  c.num_experts_per_tok = 4;
  c.n_shared_experts = 1;
  c.routed_scaling_factor = 2;
  c.num_attention_heads = 8;
  c.kv_lora_rank = 128;
  c.qk_nope_head_dim = 32;
  c.qk_rope_head_dim = 16;
  c.v_head_dim = 32;
  return c;
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
  const int threads = argc > 1 ? std::atoi(argv[1]) : parallel::UsableCpuCount();
  const std::int64_t seq_len = argc > 2 ? std::atoi(argv[2]) : 256;
  trainer::TrainStateOptions options;
  options.micro_batch_tokens = argc > 3 ? std::atoi(argv[3]) : 2048;
  options.bf16 = argc > 4 ? std::string(argv[4]) == "bf16" : kernels::HasNativeBf16();
  options.optimizer.bf16 = options.bf16;
  options.lanes = threads;
  options.seq_len_max = seq_len;
  if (threads < 1 || seq_len < 2 || options.micro_batch_tokens < seq_len) {
    std::fprintf(stderr,
                 "usage: train_bench [threads] [seq_len] [micro_batch_tokens] [bf16|f32]\n");
    return 1;
  }
  const auto layout = trainer::ParameterLayout::Make(StarterConfig());
  parallel::ThreadPool pool(threads);
  trainer::TrainState state(*layout, options, pool);
  const auto batch = RandomTokens(kBatchTokens / seq_len, seq_len, layout->config().vocab_size);
  const double peak = kernels::MeasureGemmPeak(options.bf16, 0.5);
  state.Step(batch, {.learning_rate = 1e-3});
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = CpuSeconds();
  for (int step = 0; step < kSteps; ++step) state.Step(batch, {.learning_rate = 1e-3});
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cpu = CpuSeconds() - cpu_start;
  const double tokens = static_cast<double>(batch.rows * seq_len * kSteps);
  const double flops = layout->FlopsPerToken(seq_len, false);
  std::printf("%d threads, seq_len %ld, micro-batch %ld, %s: %.2f MFLOP a token\n", threads,
              static_cast<long>(seq_len), static_cast<long>(options.micro_batch_tokens),
              options.bf16 ? "bf16" : "f32", flops * 1e-6);
  std::printf("wall clock  %8.0f tokens/s  %6.0f GFLOP/s  %4.1f %% of %d x peak\n", tokens / wall,
              tokens * flops / wall * 1e-9, 100 * tokens * flops / wall / peak / threads, threads);
  std::printf("CPU time    %8.0f tokens/s a core  %4.1f %% of the peak of a core (%.0f GFLOP/s)\n",
              tokens / cpu, 100 * tokens * flops / cpu / peak, peak * 1e-9);
  return 0;
}
