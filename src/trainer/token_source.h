// TokenSource: where a train step's tokens come from, as packed rows; the seam between the trainer
// and its data (trainer/data/ makes sources from token shards). Deterministic: the same options and
// cursor give the same batches, so a resumed run sees what an uninterrupted one would have seen.
// Single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::trainer {

struct PackedBatch {
  std::vector<std::int32_t> tokens;     // [rows, seq_len + 1]
  std::vector<std::uint8_t> loss_mask;  // [rows, seq_len] 1 where the target counts
  std::vector<std::int32_t> segment;    // [rows, seq_len] document number within the row
  // Text bytes of the targets that count, for a loss in bits per byte.
  std::int64_t target_text_bytes = 0;
  std::int64_t rows = 0;
  std::int64_t seq_len = 0;
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;

  // Fills `out` with the next `rows` rows of `seq_len` tokens (and one target more). Target of
  // tokens[r, i] is tokens[r, i + 1]. Never ends: data is repeated as the options say, then
  // from the start. Errors: kIo, kCorrupt.
  [[nodiscard]] virtual Result<void> Next(std::int64_t rows, std::int64_t seq_len,
                                          PackedBatch& out) = 0;
  // Everything needed to go on from here, at most a few kilobytes.
  virtual std::string SaveCursor() const = 0;
  // Errors: kInvalidArgument (not a cursor of this source with these options).
  [[nodiscard]] virtual Result<void> RestoreCursor(std::string_view cursor) = 0;
};

struct DataSetOptions {
  std::string name;
  std::filesystem::path path;  // Token shard, as `holdfast data` writes it.
  // Exactly one is above 0: a share of the mix relative to the other sets' weights, or how often
  // the set is to be seen for its tokens to be drawn in proportion (epochs x tokens).
  double weight = 0;
  double epochs = 0;
};

struct DataOptions {
  std::vector<DataSetOptions> sets;
  std::uint64_t seed = 1;
  // The model's: a set whose vocabulary is larger is refused.
  std::int64_t vocab_size = std::int64_t{1} << 31;
};

// Errors: kNotFound, kIo, kCorrupt (names file and reason), kInvalidArgument (no sets, a set with
// neither weight nor epochs, a vocabulary over vocab_size). Implemented in trainer/data/.
[[nodiscard]] Result<std::unique_ptr<TokenSource>> OpenTokenSource(const DataOptions& options);

}  // namespace holdfast::trainer
