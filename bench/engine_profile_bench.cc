// Which EngineProfile (verdict/engine/engine_profile.h) fits the engine on this machine? Times
// forward passes of many shapes (sequences that decode at several depths, with and without a chunk
// of a prompt) and fits the four coefficients of a step's time by least squares of relative errors,
// none below zero. Prints the profile as TOML. Scheduling and sampling are not in the pass; they
// add to the base.
//
//   engine_profile_bench MODEL [--threads N] [--repeats N]
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "model/model.h"
#include "parallel/thread_pool.h"
#include "verdict/engine/engine_profile.h"
#include "weights/checkpoint.h"

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kBlockTokens = 32;
constexpr std::array<std::int64_t, 5> kSequences = {1, 2, 4, 8, 16};
constexpr std::array<std::int64_t, 3> kDepths = {32, 256, 768};
constexpr std::array<std::int64_t, 4> kChunks = {0, 32, 128, 256};
constexpr std::int64_t kSequencesMax = kSequences.back();
constexpr std::int64_t kLengthMax = 1024;

struct Shape {
  std::int64_t sequences = 0;
  std::int64_t depth = 0;
  std::int64_t chunk = 0;
};
struct Sample {
  Shape shape;
  double seconds = 0;
};

constexpr std::size_t kTerms = 4;
using Row = std::array<double, kTerms>;

// What the coefficients are multiplied with: base, sequences, context, prompt.
Row TermsOf(const Shape& shape) {
  const double sequences = static_cast<double>(shape.sequences);
  return {1, sequences + (shape.chunk > 0 ? 1 : 0), sequences * static_cast<double>(shape.depth),
          static_cast<double>(shape.chunk)};
}

// Solves the normal equations over the terms in use, by Gauss elimination with pivots.
Row Solve(const std::vector<Sample>& samples, const std::array<bool, kTerms>& is_used) {
  std::array<std::array<double, kTerms + 1>, kTerms> matrix{};
  for (const Sample& sample : samples) {
    const Row terms = TermsOf(sample.shape);
    const double weight = 1 / (sample.seconds * sample.seconds);
    for (std::size_t i = 0; i < kTerms; ++i) {
      for (std::size_t j = 0; j < kTerms; ++j) matrix[i][j] += weight * terms[i] * terms[j];
      matrix[i][kTerms] += weight * terms[i] * sample.seconds;
    }
  }
  for (std::size_t i = 0; i < kTerms; ++i) {
    if (is_used[i]) continue;
    matrix[i] = {};
    matrix[i][i] = 1;
  }
  for (std::size_t i = 0; i < kTerms; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < kTerms; ++r) {
      if (std::abs(matrix[r][i]) > std::abs(matrix[pivot][i])) pivot = r;
    }
    std::swap(matrix[i], matrix[pivot]);
    for (std::size_t r = 0; r < kTerms; ++r) {
      if (r == i) continue;
      const double factor = matrix[r][i] / matrix[i][i];
      for (std::size_t c = i; c <= kTerms; ++c) matrix[r][c] -= factor * matrix[i][c];
    }
  }
  Row solution{};
  for (std::size_t i = 0; i < kTerms; ++i) {
    solution[i] = is_used[i] ? matrix[i][kTerms] / matrix[i][i] : 0;
  }
  return solution;
}

// Drops the most negative coefficient until none is.
Row Fit(const std::vector<Sample>& samples) {
  std::array<bool, kTerms> is_used;
  is_used.fill(true);
  for (;;) {
    const Row solution = Solve(samples, is_used);
    const auto lowest = std::ranges::min_element(solution);
    if (*lowest >= 0) return solution;
    is_used[static_cast<std::size_t>(lowest - solution.begin())] = false;
  }
}

class Bench {
 public:
  explicit Bench(model::Model& model)
      : model_(model),
        cache_(model.config(), {kBlockTokens, (kSequencesMax + 1) * kBlocksPerSequence}),
        table_(static_cast<std::size_t>((kSequencesMax + 1) * kBlocksPerSequence)),
        logits_(static_cast<std::size_t>((kSequencesMax + 1) * model.config().vocab_size)) {
    std::iota(table_.begin(), table_.end(), 0);
    for (std::int64_t at = 0; at < kLengthMax; at += kFillTokens)
      Step(kSequencesMax, at, kFillTokens, 0);
  }

  // Sequences that decode at this depth, and a prompt's chunk beside them.
  double Step(const Shape& shape) { return Step(shape.sequences, shape.depth, 1, shape.chunk); }

 private:
  static constexpr std::int64_t kBlocksPerSequence = kLengthMax / kBlockTokens;
  static constexpr std::int64_t kFillTokens = 64;

  double Step(std::int64_t sequences, std::int64_t start, std::int64_t count, std::int64_t chunk) {
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(sequences * count + chunk));
    std::uniform_int_distribution<std::int32_t> any(
        0, static_cast<std::int32_t>(model_.config().vocab_size) - 1);
    for (std::int32_t& token : tokens) token = any(random_);
    const std::span<const std::int32_t> all(tokens);
    std::vector<model::Slice> slices;
    for (std::int64_t s = 0; s < sequences; ++s) {
      slices.push_back({.tokens = all.subspan(static_cast<std::size_t>(s * count),
                                              static_cast<std::size_t>(count)),
                        .start = start,
                        .block_table = Blocks(s)});
    }
    if (chunk > 0) {
      slices.push_back({.tokens = all.last(static_cast<std::size_t>(chunk)),
                        .start = 0,
                        .block_table = Blocks(kSequencesMax)});
    }
    const auto begin = Clock::now();
    model_.Forward(slices, cache_, logits_.data(), {});
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  std::span<const model::BlockId> Blocks(std::int64_t sequence) const {
    return std::span(table_).subspan(static_cast<std::size_t>(sequence * kBlocksPerSequence),
                                     static_cast<std::size_t>(kBlocksPerSequence));
  }

  model::Model& model_;
  model::LatentCache cache_;
  std::vector<model::BlockId> table_;
  std::vector<float> logits_;
  std::mt19937 random_{1};
};

void Print(const Row& fit, const std::vector<Sample>& samples) {
  std::vector<double> errors;
  for (const Sample& sample : samples) {
    const Row terms = TermsOf(sample.shape);
    const double predicted = std::inner_product(fit.begin(), fit.end(), terms.begin(), 0.0);
    errors.push_back(std::abs(predicted / sample.seconds - 1));
  }
  std::ranges::sort(errors);
  fmt::print("# {} shapes; error of a step: median {:.1f} %, p90 {:.1f} %, largest {:.1f} %\n",
             samples.size(), 100 * errors[errors.size() / 2], 100 * errors[errors.size() * 9 / 10],
             100 * errors.back());
  fmt::print(
      "[engine_profile]\nstep_base_s = {:.4g}\nstep_per_sequence_s = {:.4g}\n"
      "step_per_context_token_s = {:.4g}\nprefill_token_s = {:.4g}\nsequences_max = {}\n",
      fit[0], fit[1], fit[2], fit[3], kSequencesMax);
}

struct Options {
  std::string model;
  int threads = 0;
  int repeats = 5;
};

Result<void> Run(const Options& options) {
  parallel::ThreadPool pool(options.threads);
  TRY_ASSIGN(const auto checkpoint, weights::Checkpoint::Open(options.model));
  TRY_ASSIGN(const auto model, model::Model::Load(*checkpoint, pool, {}));
  Bench bench(*model);
  std::vector<Sample> samples;
  for (const std::int64_t sequences : kSequences) {
    for (const std::int64_t depth : kDepths) {
      for (const std::int64_t chunk : kChunks) {
        const Shape shape{sequences, depth, chunk};
        bench.Step(shape);
        double best = bench.Step(shape);
        for (int i = 1; i < options.repeats; ++i) best = std::min(best, bench.Step(shape));
        samples.push_back({shape, best});
      }
    }
  }
  Print(Fit(samples), samples);
  return {};
}

bool ParseCount(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

bool ParseOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--threads" || argument == "--repeats") {
      int& value = argument == "--threads" ? options.threads : options.repeats;
      if (i + 1 >= argc || !ParseCount(argv[++i], value)) return false;
    } else if (options.model.empty() && !argument.starts_with('-')) {
      options.model = argument;
    } else {
      return false;
    }
  }
  return !options.model.empty() && options.repeats > 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast;
  bench::Options options;
  if (!bench::ParseOptions(argc, argv, options)) {
    fmt::print(stderr, "usage: engine_profile_bench MODEL [--threads N] [--repeats N]\n");
    return 2;
  }
  if (const auto result = bench::Run(options); !result) {
    fmt::print(stderr, "engine_profile_bench: {}\n", result.error().message);
    return 1;
  }
  return 0;
}
