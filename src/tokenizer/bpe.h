// Bpe: encodes one pre-tokenized piece by byte-pair merges in order of rank, leftmost first.
// Built by adding, then immutable and thread-safe.
//
// Two ways, chosen by length: short pieces scan for the lowest rank each round (no allocation);
// long ones keep candidate pairs in a heap over a linked list, so a piece of n bytes costs
// O(n log n) whatever it is. Tokens that their own bytes encode to (nearly all) are found whole in
// one hash lookup; the caller names them with AddWhole once all merges are in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::tokenizer {

class Bpe {
 public:
  using Id = std::int32_t;

  // `merge_count` sizes the table.
  explicit Bpe(std::size_t merge_count);

  void SetByte(unsigned char byte, Id id) { byte_ids_[byte] = id; }
  Id byte_id(unsigned char byte) const { return byte_ids_[byte]; }  // -1: not set.
  // The first call for a pair counts; later ones are ignored. Ranks come in ascending order.
  void AddMerge(Id left, Id right, Id merged);

  // Shortcut: the piece `bytes` encodes to `id`. The bytes must outlive this.
  void ReserveWhole(std::size_t count);
  void AddWhole(std::string_view bytes, Id id);

  // Appends the ids of a piece. All bytes must have been set.
  void Encode(std::string_view piece, std::vector<Id>& ids) const;
  // The same without the shortcuts.
  void EncodeByMerges(std::string_view piece, std::vector<Id>& ids) const;

 private:
  struct Merge {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = 0;
    Id merged = 0;
  };
  struct Whole {
    std::string_view bytes;
    Id id = -1;
  };
  static constexpr std::uint64_t kNoPair = ~0ull;
  static std::uint64_t Key(Id left, Id right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  const Merge* FindMerge(Id left, Id right) const;
  Id FindWhole(std::string_view bytes) const;
  void EncodeShort(std::string_view piece, std::vector<Id>& ids) const;
  void EncodeLong(std::string_view piece, std::vector<Id>& ids) const;

  std::array<Id, 256> byte_ids_;
  std::vector<Merge> merges_;  // Open addressing, at most half full.
  std::size_t merge_mask_ = 0;
  std::uint32_t next_rank_ = 0;
  std::vector<Whole> wholes_;  // Open addressing, at most half full.
  std::size_t whole_mask_ = 0;
};

}  // namespace holdfast::tokenizer
