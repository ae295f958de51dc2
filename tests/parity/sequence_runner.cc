#include "parity/sequence_runner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/check.h"

namespace holdfast::parity {

std::vector<std::int32_t> RandomTokens(std::int64_t count, std::int64_t vocab_size,
                                       std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> tokens(count);
  for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(random() % vocab_size);
  return tokens;
}

Logits RunSlices(model::Model& model, std::span<const std::int32_t> tokens,
                 std::span<const std::int64_t> sizes, const RunOptions& options) {
  const model::ModelConfig& config = model.config();
  const auto count = static_cast<std::int64_t>(tokens.size());
  const std::int64_t blocks = (count + options.block_tokens - 1) / options.block_tokens;
  model::LatentCache cache(config, {options.block_tokens, blocks + 3});
  std::vector<model::BlockId> table(blocks + 3);
  std::iota(table.begin(), table.end(), 0);
  std::mt19937 random(5);
  if (options.shuffles_blocks) std::ranges::shuffle(table, random);
  table.resize(blocks);
  Logits logits(count * config.vocab_size);
  std::int64_t at = 0;
  for (const std::int64_t size : sizes) {
    const model::Slice slice{tokens.subspan(at, size), at, table, model::Slice::Logits::kAll};
    model.Forward({&slice, 1}, cache, logits.data() + at * config.vocab_size,
                  {.deterministic = options.deterministic});
    at += size;
  }
  CHECK(at == count);
  return logits;
}

Logits RunWhole(model::Model& model, std::span<const std::int32_t> tokens,
                const RunOptions& options) {
  const std::int64_t size = static_cast<std::int64_t>(tokens.size());
  return RunSlices(model, tokens, {&size, 1}, options);
}

Distance Compare(const Logits& got, const Logits& want, std::int64_t vocab_size) {
  CHECK(got.size() == want.size());
  Distance distance;
  double squares = 0, wanted_squares = 0;
  for (std::size_t row = 0; row < want.size(); row += vocab_size) {
    double largest = 0, difference = 0;
    for (std::size_t i = row; i < row + vocab_size; ++i) {
      // Written so that a NaN counts as a difference.
      const double off = std::abs(static_cast<double>(got[i]) - want[i]);
      if (!(off <= difference)) difference = off;
      largest = std::max(largest, std::abs(static_cast<double>(want[i])));
      squares += off * off;
      wanted_squares += static_cast<double>(want[i]) * want[i];
    }
    if (!(difference / largest <= distance.max)) distance.max = difference / largest;
  }
  distance.rms = std::sqrt(squares / wanted_squares);
  return distance;
}

}  // namespace holdfast::parity
