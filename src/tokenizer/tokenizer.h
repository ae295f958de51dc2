// Tokenizer: byte-level BPE with DeepSeek's pre-tokenizers. Immutable after making, thread-safe.
// Token bytes are raw bytes here; the byte-to-unicode alphabet of the files stays inside the room.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::tokenizer {

using TokenId = std::int32_t;

// The neutral description of a tokenizer, as read from a file.
struct Spec {
  struct Token {
    std::string text;  // In the byte-to-unicode alphabet, except special tokens (plain UTF-8).
    enum class Kind : std::uint8_t { kNormal, kControl, kUserDefined, kUnused, kByte } kind;
  };
  std::vector<Token> tokens;                                // Index = id.
  std::vector<std::pair<std::string, std::string>> merges;  // In order of priority.
  // Pre-tokenizer patterns, see pre_tokenizer.h.
  std::vector<std::string> pre_patterns;
  // A piece that is a token as a whole becomes it, whatever the merges say.
  bool ignore_merges = false;
  // The file asks for NFC. Text is not normalized here: nearly all text is NFC already, and text
  // that is not gives other ids than the original implementation, never an error.
  bool expects_nfc = false;
  TokenId bos = -1;
  TokenId eos = -1;
  // Ids that end an answer; eos is one of them, named here or not. They may lie past `tokens`,
  // where a model has more rows than its tokenizer has tokens.
  std::vector<TokenId> ends;
  bool add_bos = true;
  std::string chat_template;  // Jinja source as found in the file; may be empty.
};

// Text of a tokenizer.json (Hugging Face) with an optional tokenizer_config.json, and that of a
// chat_template.jinja, which if there is one takes the place of a template in the configuration.
[[nodiscard]] Result<Spec> SpecFromHuggingFace(std::string_view tokenizer_json,
                                               std::string_view tokenizer_config_json,
                                               std::string_view chat_template_file = {});
// The arrays of a GGUF's metadata (tokenizer.ggml.*). `pre` names the pre-tokenizer.
struct GgufTokenizer {
  const std::vector<std::string>& tokens;
  const std::vector<std::int32_t>& token_types;
  const std::vector<std::string>& merges;
  std::string_view pre;
  std::int64_t bos_token_id;
  std::int64_t eos_token_id;
  bool add_bos_token;
  std::string_view chat_template;
};
[[nodiscard]] Result<Spec> SpecFromGguf(const GgufTokenizer& source);

class Tokenizer {
 public:
  static constexpr std::size_t kTokensMax = 1 << 20;
  static constexpr std::size_t kMergesMax = 1 << 20;
  static constexpr std::size_t kEndsMax = 64;
  static constexpr std::size_t kTokenBytesMax = 4096;            // One token's text.
  static constexpr std::size_t kVocabularyBytesMax = 64u << 20;  // All texts together.

  // Errors: kInvalidArgument (ids out of range, a byte without a token, merges of unknown tokens,
  // a pattern that does not compile), kTooLarge, kUnsupported.
  [[nodiscard]] static Result<std::unique_ptr<const Tokenizer>> Make(Spec spec);
  ~Tokenizer();

  struct EncodeOptions {
    bool add_bos = false;
    // True: control and user-defined tokens written in the text become their ids. False (for text
    // from users): they are encoded as ordinary characters, so no user can forge a turn.
    bool parse_special = false;
    // Encoding ends soon after there are more ids than this, for callers who then refuse the text.
    std::size_t count_max = std::numeric_limits<std::size_t>::max();
  };
  // Never fails. Bytes that are not UTF-8 come back from Decode as they were if the vocabulary has
  // all 256 bytes; bytes it lacks (only those that no valid text has may be missing) as U+FFFD.
  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const;

  // Raw bytes, which may end in the middle of a character; see ReplaceInvalidUtf8 in utf8.h.
  std::string Decode(std::span<const TokenId> ids, bool with_special = false) const;
  // Raw bytes of a token; empty for an id out of range.
  std::string_view TokenBytes(TokenId id) const;
  // True for what a reader never sees: control and unused tokens. User-defined ones (<think>) are
  // text to a reader.
  bool IsSpecial(TokenId id) const;
  // The control or user-defined token of that text.
  std::optional<TokenId> FindSpecial(std::string_view text) const;

  std::size_t vocab_size() const;
  TokenId bos() const;
  TokenId eos() const;
  // Every id that ends an answer, eos first if there is one.
  const std::vector<TokenId>& ends() const;
  const Spec& spec() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::tokenizer
