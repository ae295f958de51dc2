// ShardSource: the TokenSource over token shards. One pass over the mix is a plan, a pure function
// of (options, row length, pass number): every document is cut into pieces no longer than a row,
// pieces of all sets are shuffled together, and rows are filled with whole pieces, so that each row
// begins at the start of a piece and no piece crosses rows. The cursor is therefore three numbers.
// A change of the row length begins the next pass. Single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "trainer/data/token_shard.h"
#include "trainer/token_source.h"

namespace holdfast::trainer {

class ShardSource final : public TokenSource {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ShardSource>> Open(const DataOptions& options);

  Result<void> Next(std::int64_t rows, std::int64_t seq_len, PackedBatch& out) override;
  std::string SaveCursor() const override;
  Result<void> RestoreCursor(std::string_view cursor) override;

  // Rows of the current pass at this row length, for planning and tests.
  std::int64_t RowsPerPass(std::int64_t seq_len);
  std::int64_t pass() const { return pass_; }

 private:
  struct Set {
    TokenShard shard;
    double copies;  // How often a pass goes over the set; the fraction is a sample of documents.
  };
  struct Piece {
    std::int32_t set;
    std::int32_t length;
    std::int64_t begin;  // Position of its first token in the shard.
  };

  ShardSource() = default;
  void BuildPlan(std::int64_t seq_len);
  void CollectPieces(std::size_t set, std::int64_t seq_len, std::uint64_t seed);
  void PackRows(std::int64_t seq_len);
  void FillRow(std::int64_t row, std::int64_t index, PackedBatch& out) const;

  std::vector<Set> sets_;
  std::uint64_t seed_ = 0;
  std::uint64_t fingerprint_ = 0;  // Of the options and the shards' content.

  std::int64_t pass_ = 0;
  std::int64_t row_ = 0;                  // Next row of the pass.
  std::int64_t seq_len_ = 0;              // 0: no plan yet.
  std::vector<Piece> pieces_;             // In the order of the rows.
  std::vector<std::int64_t> row_starts_;  // Index of each row's first piece, and the end.
};

}  // namespace holdfast::trainer
