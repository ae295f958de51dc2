// PreTokenizer: splits text into the pieces that BPE never merges across. Home of PCRE2, which sees
// a symbol for each character; what a character is, unicode_data.h says.
// Made once, then immutable and thread-safe; Split keeps its scratch on the caller's side.
//
// Invariants: the pieces, in order, are exactly the text (nothing is lost, whatever the bytes).
// Each pattern is applied to every piece the patterns before it left, matched or not, as Hugging
// Face's Sequence of isolated Splits does. Bytes that are not UTF-8 become pieces of their own.
// A piece on which a pattern runs over its match limit is left whole from there on.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::tokenizer {

class PreTokenizer {
 public:
  static constexpr std::size_t kPatternsMax = 32;
  static constexpr std::size_t kPatternBytesMax = 16 * 1024;
  // All together: the published ones have 2 KiB, and hostile ones of this size take 1 second to
  // read.
  static constexpr std::size_t kTotalBytesMax = 32 * 1024;

  // Patterns in the syntax of tokenizer.json (Oniguruma's). Errors: kInvalidArgument (does not
  // compile), kTooLarge (over a limit), kUnsupported (syntax we cannot express exactly).
  [[nodiscard]] static Result<PreTokenizer> Make(std::span<const std::string> patterns);
  // Of a name as in a GGUF's tokenizer.ggml.pre; see NamedPrePatterns in pre_patterns.h.
  [[nodiscard]] static Result<PreTokenizer> Named(std::string_view name);

  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  // Replaces `pieces` with views into `text`. Reuse the vector to save allocations.
  void Split(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  struct State;
  struct Work;
  explicit PreTokenizer(std::unique_ptr<State> state);
  // Runs the patterns over valid UTF-8 and appends to `pieces`.
  void SplitValid(std::string_view text, Work& work, std::vector<std::string_view>& pieces) const;

  std::unique_ptr<State> state_;
};

}  // namespace holdfast::tokenizer
