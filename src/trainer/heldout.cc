#include "trainer/heldout.h"

#include <algorithm>
#include <numbers>

#include "trainer/data/token_shard.h"

namespace holdfast::trainer {

Result<HeldoutSet> LoadHeldout(const std::string& name, const std::filesystem::path& path,
                               const HeldoutOptions& options) {
  const std::int64_t seq_len = options.seq_len;
  TRY_ASSIGN(const TokenShard shard, TokenShard::Open(path));
  DataOptions data;
  data.vocab_size = options.vocab_size;
  data.sets.push_back({.name = name, .path = path, .weight = 0, .epochs = 1});
  TRY_ASSIGN(const std::unique_ptr<TokenSource> source, OpenTokenSource(data));
  HeldoutSet set;
  set.name = name;
  const std::int64_t available = std::max<std::int64_t>(1, shard.token_count() / (seq_len + 1));
  TRY(source->Next(std::clamp<std::int64_t>(options.tokens / seq_len, 1, available), seq_len,
                   set.batch));
  for (std::int64_t row = 0; row < set.batch.rows; ++row) {
    for (std::int64_t i = 0; i < seq_len; ++i) {
      if (set.batch.loss_mask[row * seq_len + i] == 0) continue;
      set.target_bytes += shard.TokenTextBytes(set.batch.tokens[row * (seq_len + 1) + i + 1]);
    }
  }
  return set;
}

HeldoutResult MeasureHeldout(const HeldoutSet& set, TrainState& state, bool with_mtp) {
  const StepResult result =
      state.Evaluate(set.batch, {.mtp_weight = with_mtp ? 1.0 : 0.0, .isolate = true});
  HeldoutResult measured{.name = set.name, .loss = result.loss, .mtp_loss = result.mtp_loss};
  if (set.target_bytes > 0) {
    measured.bits_per_byte = result.loss * static_cast<double>(result.targets) / std::numbers::ln2 /
                             static_cast<double>(set.target_bytes);
  }
  return measured;
}

}  // namespace holdfast::trainer
