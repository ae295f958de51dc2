// Token shards: tokenized documents in one file, mapped when read (docs/formats/token-shard.md).
// A document is its token ids; chats for fine-tuning also say which tokens count as targets. The
// shard keeps the byte length of every vocabulary entry, so that a loss can be told in bits per
// byte without the tokenizer. Reader: immutable after Open, thread-safe. Builder: single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "tensor/mapped_file.h"

namespace holdfast::trainer {

inline constexpr std::int64_t kShardVocabMax = 1 << 20;

class TokenShardBuilder {
 public:
  // `token_text_bytes`[id]: bytes of text of that token, 0 for control tokens; at most 255 are
  // told. With `has_mask`, every document comes with a mask; without, every token is a target.
  TokenShardBuilder(std::vector<std::uint8_t> token_text_bytes, std::int32_t pad_id, bool has_mask);

  // `mask` is empty or as long as `ids`; 1: the token counts as a target. Ids are CHECKed.
  void Add(std::span<const std::int32_t> ids, std::span<const std::uint8_t> mask);

  std::int64_t document_count() const { return static_cast<std::int64_t>(ends_.size()); }
  std::int64_t token_count() const { return static_cast<std::int64_t>(tokens_.size()); }
  // Bytes of text of the tokens that count as targets.
  std::int64_t target_text_bytes() const { return target_text_bytes_; }

  // Written beside `path` first, synced, then renamed: there is never half a shard of that name.
  // Errors: kIo, kDiskFull, kPermissionDenied.
  [[nodiscard]] Result<void> Write(const std::filesystem::path& path) const;

 private:
  std::vector<std::uint8_t> token_text_bytes_;
  std::int32_t pad_id_;
  bool has_mask_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::uint64_t> ends_;
  std::vector<std::uint8_t> mask_;
  std::int64_t target_text_bytes_ = 0;
};

class TokenShard {
 public:
  // Checks the header, the checksum, every id and every boundary. Errors: kNotFound, kIo, kCorrupt,
  // kUnsupported (a later version).
  [[nodiscard]] static Result<TokenShard> Open(const std::filesystem::path& path);

  std::int64_t document_count() const { return static_cast<std::int64_t>(ends_.size()); }
  std::int64_t token_count() const { return token_count_; }
  std::int64_t target_text_bytes() const { return target_text_bytes_; }
  std::int64_t vocab_size() const { return static_cast<std::int64_t>(token_text_bytes_.size()); }
  std::int32_t pad_id() const { return pad_id_; }
  // Identifies the content: the first 8 bytes of the checksum.
  std::uint64_t fingerprint() const { return fingerprint_; }

  // Tokens of document `index` are [DocumentBegin, DocumentEnd).
  std::int64_t DocumentBegin(std::int64_t index) const {
    return index == 0 ? 0 : static_cast<std::int64_t>(ends_[static_cast<std::size_t>(index) - 1]);
  }
  std::int64_t DocumentEnd(std::int64_t index) const {
    return static_cast<std::int64_t>(ends_[static_cast<std::size_t>(index)]);
  }
  std::int32_t Token(std::int64_t position) const {
    const auto i = static_cast<std::size_t>(position);
    return narrow_.empty() ? static_cast<std::int32_t>(wide_[i]) : narrow_[i];
  }
  bool IsTarget(std::int64_t position) const {
    const auto i = static_cast<std::size_t>(position);
    return mask_.empty() || (mask_[i / 8] >> (i % 8) & 1) != 0;
  }
  std::uint8_t TokenTextBytes(std::int32_t id) const {
    return token_text_bytes_[static_cast<std::size_t>(id)];
  }

 private:
  TokenShard() = default;

  tensor::MappedFile file_;
  std::span<const std::uint16_t> narrow_;  // Exactly one of the two is used.
  std::span<const std::uint32_t> wide_;
  std::span<const std::uint64_t> ends_;
  std::span<const std::uint8_t> mask_;
  std::span<const std::uint8_t> token_text_bytes_;
  std::int64_t token_count_ = 0;
  std::int64_t target_text_bytes_ = 0;
  std::int32_t pad_id_ = 0;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace holdfast::trainer
