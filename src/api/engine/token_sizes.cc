#include "api/engine/token_sizes.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "api/engine/wire.h"

namespace holdfast::api {
namespace {

// Names, punctuation and a number of at most 24 characters: {"token":,"logprob":,"bytes":[],
// "top_logprobs":[]} and a comma. Those of a text completion have less.
constexpr std::size_t kEntryFrameBytes = 88;
// Where text is composed first (NFC), nine bytes of Jamo become a syllable of three; nothing
// shrinks more.
constexpr std::size_t kComposingFactorMax = 3;

std::size_t DigitsOf(std::string_view bytes) {
  std::size_t count = bytes.size();  // Commas.
  for (const char byte : bytes) {
    const auto number = static_cast<unsigned char>(byte);
    count += number >= 100 ? 3 : number >= 10 ? 2 : 1;
  }
  return count;
}

}  // namespace

TokenSizes::TokenSizes(const tokenizer::Tokenizer& tokenizer) {
  std::vector<std::size_t> entries;
  for (std::size_t i = 0; i < tokenizer.vocab_size(); ++i) {
    const auto id = static_cast<tokenizer::TokenId>(i);
    const std::string_view bytes = tokenizer.TokenBytes(id);
    if (!tokenizer.IsSpecial(id)) longest_bytes_ = std::max(longest_bytes_, bytes.size());
    const std::size_t text = json::Write(json::Value(TokenText(tokenizer, id))).size();
    longest_text_ = std::max(longest_text_, text);
    // A chat has the text and the bytes, a text completion the text twice.
    entries.push_back(kEntryFrameBytes + text + std::max(text, DigitsOf(bytes)));
  }
  if (tokenizer.spec().expects_nfc) longest_bytes_ *= kComposingFactorMax;
  entries.resize(std::max(entries.size(), largest_entries_.size()));
  std::ranges::partial_sort(entries, entries.begin() + largest_entries_.size(), std::greater<>());
  std::size_t sum = 0;
  for (std::size_t n = 0; n < largest_entries_.size(); ++n) {
    largest_entries_[n] = sum += entries[n];
  }
}

std::size_t TokenSizes::TokensMin(std::size_t bytes) const {
  return (bytes + longest_bytes_ - 1) / longest_bytes_;
}

std::size_t TokenSizes::AnswerBytesMax(std::int32_t top_logprobs) const {
  if (top_logprobs < 0) return longest_text_;
  const std::size_t top =
      top_logprobs == 0 ? 0 : largest_entries_[static_cast<std::size_t>(top_logprobs) - 1];
  return longest_text_ + largest_entries_[0] + top;
}

}  // namespace holdfast::api
