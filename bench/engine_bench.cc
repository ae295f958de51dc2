// How fast does a model run, and how near the machine's limits? Prefill and decode tokens a second
// of the forward pass, random token ids (a token fed again and again would keep hitting the same
// experts in cache), medians over repeats.
//
//   engine_bench MODEL [--threads N] [--repeats N] [--decode TOKENS] [--depth TOKENS]
//                [--prefill TOKENS] [--batch SEQUENCES] [--no-limits]
//
// --prefill and --batch choose one case in place of the usual ones; 0 leaves that half out.
//
// Share of the limits: decode reads `active bytes` a token (every weight once, of the routed
// experts those chosen, one row of the embedding) and cannot beat the memory; prefill multiplies
// with every active weight and cannot beat the int8 or bf16 peak.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "machine_limits.h"
#include "model/model.h"
#include "parallel/thread_pool.h"
#include "weights/checkpoint.h"

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  int threads = 0;
  int repeats = 3;
  std::int64_t decode_tokens = 64;
  std::int64_t depth = 0;
  std::int64_t prefill = -1;
  std::int64_t batch = -1;
  bool measures_limits = true;
};

constexpr std::int64_t kBlockTokens = 32;

// The cases to measure: the usual ones, the one chosen, or none.
std::vector<std::int64_t> Cases(std::int64_t chosen, std::vector<std::int64_t> usual) {
  if (chosen < 0) return usual;
  return chosen == 0 ? std::vector<std::int64_t>{} : std::vector{chosen};
}

struct Active {
  double bytes = 0;
  double weights = 0;
};

// What one token reads and multiplies with; as in docs of the memory limit: embedding one row,
// routed experts their chosen fraction, no MTP module.
Active ActiveWeights(const weights::Checkpoint& checkpoint, const model::ModelConfig& config) {
  Active active;
  for (const weights::NamedTensor& tensor : checkpoint.tensors()) {
    const std::string_view name = tensor.name;
    for (const std::string_view prefix : {"blk.", "model.layers."}) {
      if (!name.starts_with(prefix)) continue;
      std::int64_t layer = 0;
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
      if (layer >= config.num_hidden_layers) goto next;
    }
    {
      double used = 1;
      if (name == "token_embd.weight" || name == "model.embed_tokens.weight") {
        used = 1.0 / static_cast<double>(tensor.view.Rows());
      } else if (name.find("_exps.") != name.npos || name.find(".mlp.experts.") != name.npos) {
        used = static_cast<double>(config.num_experts_per_tok) /
               static_cast<double>(config.n_routed_experts);
      }
      active.bytes += used * static_cast<double>(tensor.view.Bytes());
      active.weights += used * static_cast<double>(tensor.view.shape.Count());
    }
  next:;
  }
  return active;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A model with a cache for `sequences` of `length` tokens each.
class Bench {
 public:
  Bench(model::Model& model, std::int64_t sequences, std::int64_t length)
      : model_(model),
        blocks_per_sequence_((length + kBlockTokens - 1) / kBlockTokens),
        cache_(model.config(), {kBlockTokens, sequences * blocks_per_sequence_}),
        table_(static_cast<std::size_t>(sequences * blocks_per_sequence_)),
        logits_(static_cast<std::size_t>(sequences * model.config().vocab_size)) {
    std::iota(table_.begin(), table_.end(), 0);
  }

  // Adds `count` random tokens at `start` to each of the first `sequences` sequences.
  double Step(std::int64_t sequences, std::int64_t start, std::int64_t count) {
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(sequences * count));
    std::uniform_int_distribution<std::int32_t> any(
        0, static_cast<std::int32_t>(model_.config().vocab_size) - 1);
    for (std::int32_t& token : tokens) token = any(random_);
    std::vector<model::Slice> slices;
    for (std::int64_t s = 0; s < sequences; ++s) {
      slices.push_back({.tokens = std::span(tokens).subspan(s * count, count),
                        .start = start,
                        .block_table = std::span(table_).subspan(s * blocks_per_sequence_,
                                                                 blocks_per_sequence_)});
    }
    const auto begin = Clock::now();
    model_.Forward(slices, cache_, logits_.data(), {});
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

 private:
  model::Model& model_;
  std::int64_t blocks_per_sequence_;
  model::LatentCache cache_;
  std::vector<model::BlockId> table_;
  std::vector<float> logits_;
  std::mt19937 random_{1};
};

void BenchPrefill(model::Model& model, const Options& options, const Active& active,
                  const Limits& limits) {
  for (const std::int64_t tokens : Cases(options.prefill, {128, 512})) {
    Bench bench(model, 1, tokens);
    bench.Step(1, 0, tokens);
    std::vector<double> speeds;
    for (int i = 0; i < options.repeats; ++i) {
      speeds.push_back(static_cast<double>(tokens) / bench.Step(1, 0, tokens));
    }
    const double speed = Median(speeds);
    fmt::print("prefill {:4}            {:9.1f} tok/s", tokens, speed);
    const double peak = std::max({limits.int8_ops, limits.bf16_flops, limits.f32_flops});
    if (peak > 0) {
      const double operations = 2 * active.weights * speed;
      fmt::print("   {:7.1f} GOP/s, {:4.1f} % of the peak", operations / 1e9,
                 100 * operations / peak);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
}

void BenchDecode(model::Model& model, const Options& options, const Active& active,
                 const Limits& limits) {
  for (const std::int64_t batch : Cases(options.batch, {1, 4, 16})) {
    Bench bench(model, batch, options.depth + options.decode_tokens);
    for (std::int64_t at = 0; at < options.depth; at += 512) {
      bench.Step(batch, at, std::min<std::int64_t>(512, options.depth - at));
    }
    bench.Step(batch, options.depth, 1);
    std::vector<double> speeds;
    for (int i = 0; i < options.repeats; ++i) {
      double seconds = 0;
      for (std::int64_t t = 0; t < options.decode_tokens; ++t) {
        seconds += bench.Step(batch, options.depth + t, 1);
      }
      speeds.push_back(static_cast<double>(batch * options.decode_tokens) / seconds);
    }
    const double speed = Median(speeds);
    fmt::print("decode, {:2} sequences    {:9.1f} tok/s", batch, speed);
    if (batch == 1 && limits.read_bytes_per_s > 0) {
      const double read = active.bytes * speed;
      fmt::print("   {:7.1f} GB/s, {:4.1f} % of the read bandwidth", read / 1e9,
                 100 * read / limits.read_bytes_per_s);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
}

Result<void> Run(const Options& options) {
  parallel::ThreadPool pool(options.threads);
  Limits limits;
  if (options.measures_limits) {
    limits = MeasureLimits(pool);
    fmt::print(
        "{} workers, read {:.1f} GB/s, f32 {:.0f} GFLOP/s, bf16 {:.0f} GFLOP/s, int8 {:.0f} "
        "GOP/s\n",
        pool.worker_count(), limits.read_bytes_per_s / 1e9, limits.f32_flops / 1e9,
        limits.bf16_flops / 1e9, limits.int8_ops / 1e9);
  }
  TRY_ASSIGN(const auto checkpoint, weights::Checkpoint::Open(options.model));
  const auto begin = Clock::now();
  TRY_ASSIGN(const auto model, model::Model::Load(*checkpoint, pool, {}));
  const double load_s = std::chrono::duration<double>(Clock::now() - begin).count();
  const Active active = ActiveWeights(*checkpoint, model->config());
  fmt::print("{}: {:.2f} GB packed, loaded in {:.1f} s; a token reads {:.1f} MB\n", options.model,
             static_cast<double>(model->MemoryBytes()) / 1e9, load_s, active.bytes / 1e6);
  BenchPrefill(*model, options, active, limits);
  BenchDecode(*model, options, active, limits);
  return {};
}

// True if `argument` names a number that `target` then holds.
template <typename T>
bool ParseNumber(std::string_view name, int argc, char** argv, int& i, T& target) {
  if (argv[i] != name || i + 1 >= argc) return false;
  const std::string_view text = argv[++i];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
  return error == std::errc() && end == text.data() + text.size() && target >= 0;
}

bool ParseOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    if (ParseNumber("--threads", argc, argv, i, options.threads) ||
        ParseNumber("--repeats", argc, argv, i, options.repeats) ||
        ParseNumber("--decode", argc, argv, i, options.decode_tokens) ||
        ParseNumber("--depth", argc, argv, i, options.depth) ||
        ParseNumber("--prefill", argc, argv, i, options.prefill) ||
        ParseNumber("--batch", argc, argv, i, options.batch)) {
      continue;
    }
    if (argv[i] == std::string_view("--no-limits")) {
      options.measures_limits = false;
    } else if (options.model.empty() && argv[i][0] != '-') {
      options.model = argv[i];
    } else {
      return false;
    }
  }
  return !options.model.empty() && options.repeats > 0 && options.decode_tokens > 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast;
  bench::Options options;
  if (!bench::ParseOptions(argc, argv, options)) {
    fmt::print(stderr,
               "usage: engine_bench MODEL [--threads N] [--repeats N] [--decode TOKENS] "
               "[--depth TOKENS] [--prefill TOKENS] [--batch SEQUENCES] [--no-limits]\n");
    return 2;
  }
  if (const auto result = bench::Run(options); !result) {
    fmt::print(stderr, "engine_bench: {}\n", result.error().message);
    return 1;
  }
  return 0;
}
