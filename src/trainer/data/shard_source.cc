#include "trainer/data/shard_source.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "trainer/data/hash64.h"

namespace holdfast::trainer {
namespace {

// Pieces looked at to fill the rest of a row; with this many a row is full but for a few tokens.
constexpr std::size_t kPackWindow = 256;
constexpr double kEpochsMax = 1000;
constexpr std::int64_t kSeqLenMax = 1 << 20;
constexpr std::string_view kCursorTag = "shards1";

}  // namespace

Result<std::unique_ptr<ShardSource>> ShardSource::Open(const DataOptions& options) {
  if (options.sets.empty()) return Fail(ErrorCode::kInvalidArgument, "data: no sets");
  std::unique_ptr<ShardSource> source(new ShardSource());
  source->seed_ = options.seed;
  source->fingerprint_ = MixBits(options.seed);
  double weight_sum = 0;
  double weighted_tokens = 0;
  for (const DataSetOptions& set : options.sets) {
    const bool has_weight = set.weight > 0 && std::isfinite(set.weight);
    const bool has_epochs = set.epochs > 0 && set.epochs <= kEpochsMax;
    if (has_weight == has_epochs) {
      return Fail(ErrorCode::kInvalidArgument,
                  "data set {}: give either weight > 0 or epochs in (0, {}]", set.name, kEpochsMax);
    }
    TRY_ASSIGN(TokenShard shard, TokenShard::Open(set.path));
    if (shard.document_count() == 0) {
      return Fail(ErrorCode::kInvalidArgument, "{}: no documents", set.path.string());
    }
    if (shard.vocab_size() > options.vocab_size) {
      return Fail(ErrorCode::kInvalidArgument, "{}: vocabulary of {}, the model's vocab_size is {}",
                  set.path.string(), shard.vocab_size(), options.vocab_size);
    }
    if (!source->sets_.empty() && shard.vocab_size() != source->sets_.front().shard.vocab_size()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: vocabulary of {}, the other sets have {}",
                  set.path.string(), shard.vocab_size(), source->sets_.front().shard.vocab_size());
    }
    if (has_weight) {
      weight_sum += set.weight;
      weighted_tokens += static_cast<double>(shard.token_count());
    }
    source->fingerprint_ = MixBits(source->fingerprint_ ^ shard.fingerprint()) +
                           Hash64(fmt::format("{} {}", set.weight, set.epochs));
    source->sets_.push_back({std::move(shard), set.epochs});
  }
  // A pass over weighted sets is as long as their tokens together.
  for (std::size_t i = 0; i < options.sets.size(); ++i) {
    if (options.sets[i].weight <= 0) continue;
    Set& set = source->sets_[i];
    set.copies = options.sets[i].weight / weight_sum * weighted_tokens /
                 static_cast<double>(set.shard.token_count());
  }
  return source;
}

void ShardSource::CollectPieces(std::size_t index, std::int64_t seq_len, std::uint64_t seed) {
  const Set& set = sets_[index];
  const auto add_document = [&](std::int64_t document) {
    std::int64_t begin = set.shard.DocumentBegin(document);
    const std::int64_t end = set.shard.DocumentEnd(document);
    // A piece begins with the last token of the piece before it, so no target is lost.
    for (; end - begin >= 2; begin += seq_len) {
      const std::int64_t length = std::min(end - begin, seq_len + 1);
      bool has_target = false;
      for (std::int64_t i = begin + 1; i < begin + length && !has_target; ++i) {
        has_target = set.shard.IsTarget(i);
      }
      if (has_target) {
        pieces_.push_back(
            {static_cast<std::int32_t>(index), static_cast<std::int32_t>(length), begin});
      }
    }
  };
  const auto whole_copies = static_cast<std::int64_t>(set.copies);
  const double fraction = set.copies - static_cast<double>(whole_copies);
  for (std::int64_t document = 0; document < set.shard.document_count(); ++document) {
    for (std::int64_t copy = 0; copy < whole_copies; ++copy) add_document(document);
    SplitMix64 random(MixBits(seed + index) + static_cast<std::uint64_t>(document));
    if (random.Unit() < fraction) add_document(document);
  }
}

void ShardSource::BuildPlan(std::int64_t seq_len) {
  seq_len_ = seq_len;
  pieces_.clear();
  const std::uint64_t seed =
      MixBits(seed_ * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(pass_));
  for (std::size_t i = 0; i < sets_.size(); ++i) CollectPieces(i, seq_len, seed);
  SplitMix64 random(seed);
  for (std::size_t i = pieces_.size(); i > 1; --i) {
    std::swap(pieces_[i - 1], pieces_[random.Below(i)]);
  }
  PackRows(seq_len);
}

// Best fit with a window: the row takes the next waiting piece, then the longest waiting one that
// still fits, until none does.
void ShardSource::PackRows(std::int64_t seq_len) {
  std::vector<Piece> packed;
  packed.reserve(pieces_.size());
  row_starts_.clear();
  std::vector<Piece> waiting;
  std::size_t next = 0;
  const auto refill = [&] {
    while (waiting.size() < kPackWindow && next < pieces_.size()) {
      waiting.push_back(pieces_[next++]);
    }
  };
  for (refill(); !waiting.empty(); refill()) {
    row_starts_.push_back(static_cast<std::int64_t>(packed.size()));
    std::int64_t room = seq_len + 1;
    std::size_t chosen = 0;
    while (chosen < waiting.size()) {
      room -= waiting[chosen].length;
      packed.push_back(waiting[chosen]);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(chosen));
      chosen = waiting.size();
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        if (waiting[i].length <= room &&
            (chosen == waiting.size() || waiting[i].length > waiting[chosen].length)) {
          chosen = i;
        }
      }
    }
  }
  row_starts_.push_back(static_cast<std::int64_t>(packed.size()));
  pieces_ = std::move(packed);
}

void ShardSource::FillRow(std::int64_t row, std::int64_t index, PackedBatch& out) const {
  const std::int64_t length = out.seq_len;
  std::int32_t* tokens = out.tokens.data() + row * (length + 1);
  std::uint8_t* mask = out.loss_mask.data() + row * length;
  std::int32_t* segment = out.segment.data() + row * length;
  std::fill_n(tokens, length + 1, sets_.front().shard.pad_id());
  std::fill_n(mask, length, std::uint8_t{0});
  std::int64_t at = 0;
  std::int32_t number = 0;
  for (std::int64_t p = row_starts_[static_cast<std::size_t>(index)];
       p < row_starts_[static_cast<std::size_t>(index) + 1]; ++p, ++number) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    const TokenShard& shard = sets_[static_cast<std::size_t>(piece.set)].shard;
    for (std::int64_t i = 0; i < piece.length; ++i) {
      const std::int64_t position = piece.begin + i;
      tokens[at + i] = shard.Token(position);
      if (at + i < length) segment[at + i] = number;
      if (i > 0 && shard.IsTarget(position)) {
        mask[at + i - 1] = 1;
        out.target_text_bytes += shard.TokenTextBytes(shard.Token(position));
      }
    }
    at += piece.length;
  }
  for (; at < length; ++at) segment[at] = number;  // Padding is a document of its own.
}

Result<void> ShardSource::Next(std::int64_t rows, std::int64_t seq_len, PackedBatch& out) {
  CHECK(rows > 0 && seq_len > 0 && seq_len <= kSeqLenMax);
  if (seq_len_ != seq_len) {
    if (seq_len_ != 0) {
      ++pass_;
      row_ = 0;
    }
    BuildPlan(seq_len);
  }
  out.rows = rows;
  out.seq_len = seq_len;
  out.tokens.resize(static_cast<std::size_t>(rows * (seq_len + 1)));
  out.loss_mask.resize(static_cast<std::size_t>(rows * seq_len));
  out.segment.resize(static_cast<std::size_t>(rows * seq_len));
  out.target_text_bytes = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    // A fractional copy may leave a pass without documents; the next one draws others.
    for (int tries = 0; row_ + 1 >= static_cast<std::int64_t>(row_starts_.size()); ++tries) {
      if (tries == 1000) {
        return Fail(ErrorCode::kCorrupt, "data: no document of the mix has a target token");
      }
      ++pass_;
      row_ = 0;
      BuildPlan(seq_len);
    }
    FillRow(row, row_++, out);
  }
  return {};
}

std::int64_t ShardSource::RowsPerPass(std::int64_t seq_len) {
  if (seq_len_ != seq_len) BuildPlan(seq_len);
  return static_cast<std::int64_t>(row_starts_.size()) - 1;
}

std::string ShardSource::SaveCursor() const {
  return fmt::format("{} {} {} {} {}", kCursorTag, fingerprint_, pass_, row_, seq_len_);
}

Result<void> ShardSource::RestoreCursor(std::string_view cursor) {
  const auto bad = [&] {
    return Fail(ErrorCode::kInvalidArgument, "data: not a cursor of these sets and options");
  };
  if (!cursor.starts_with(kCursorTag)) return bad();
  std::uint64_t fields[4];
  const char* at = cursor.data() + kCursorTag.size();
  const char* end = cursor.data() + cursor.size();
  for (std::uint64_t& field : fields) {
    if (at == end || *at != ' ') return bad();
    const auto [next, error] = std::from_chars(at + 1, end, field);
    if (error != std::errc()) return bad();
    at = next;
  }
  if (at != end || fields[0] != fingerprint_ || fields[1] > INT32_MAX || fields[2] > INT64_MAX ||
      fields[3] > kSeqLenMax) {
    return bad();
  }
  pass_ = static_cast<std::int64_t>(fields[1]);
  row_ = static_cast<std::int64_t>(fields[2]);
  seq_len_ = 0;
  if (fields[3] > 0) {
    BuildPlan(static_cast<std::int64_t>(fields[3]));
    if (row_ >= static_cast<std::int64_t>(row_starts_.size())) return bad();
  }
  return {};
}

Result<std::unique_ptr<TokenSource>> OpenTokenSource(const DataOptions& options) {
  TRY_ASSIGN(auto source, ShardSource::Open(options));
  return source;
}

}  // namespace holdfast::trainer
