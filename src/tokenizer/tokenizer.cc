#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {
namespace {

using Kind = Spec::Token::Kind;

// The byte of "<0x0A>"; nullopt if the text is not of this form.
std::optional<unsigned char> ParseByteToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  if (error != std::errc() || end != text.data() + 5) return std::nullopt;
  return static_cast<unsigned char>(value);
}

// True for bytes that some valid UTF-8 text contains.
bool OccursInUtf8(int byte) { return byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF4); }

// A user-defined token of no ASCII but white space ("ü", runs of spaces) is a part of the
// vocabulary like any other, found in all text; one like <think> is markup, found only on request.
bool IsLiteral(const Spec::Token& token) {
  if (token.kind != Kind::kUserDefined) return false;
  return std::none_of(token.text.begin(), token.text.end(),
                      [](char byte) { return byte > 0x20 && byte < 0x7F; });
}

Result<> CheckLimits(const Spec& spec) {
  if (spec.tokens.size() > Tokenizer::kTokensMax) {
    return Fail(ErrorCode::kTooLarge, "tokenizer of {} tokens is over the limit of {}",
                spec.tokens.size(), Tokenizer::kTokensMax);
  }
  if (spec.merges.size() > Tokenizer::kMergesMax) {
    return Fail(ErrorCode::kTooLarge, "tokenizer of {} merges is over the limit of {}",
                spec.merges.size(), Tokenizer::kMergesMax);
  }
  std::size_t bytes = 0;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::size_t size = spec.tokens[id].text.size();
    if (size > Tokenizer::kTokenBytesMax) {
      return Fail(ErrorCode::kTooLarge, "token {} of {} bytes is over the limit of {}", id, size,
                  Tokenizer::kTokenBytesMax);
    }
    bytes += size;
  }
  if (bytes > Tokenizer::kVocabularyBytesMax) {
    return Fail(ErrorCode::kTooLarge, "tokenizer of {} bytes is over the limit of {}", bytes,
                Tokenizer::kVocabularyBytesMax);
  }
  const auto count = static_cast<TokenId>(spec.tokens.size());
  if (spec.bos < -1 || spec.bos >= count || spec.eos < -1 || spec.eos >= count) {
    return Fail(ErrorCode::kInvalidArgument, "bos {} or eos {} is outside the {} tokens", spec.bos,
                spec.eos, count);
  }
  if (spec.ends.size() > Tokenizer::kEndsMax) {
    return Fail(ErrorCode::kTooLarge, "{} end ids are over the limit of {}", spec.ends.size(),
                Tokenizer::kEndsMax);
  }
  if (std::ranges::any_of(spec.ends, [](TokenId id) { return id < 0; })) {
    return Fail(ErrorCode::kInvalidArgument, "an end id is negative");
  }
  return {};
}

// Puts eos, where there is one, before the other end ids.
void PutEosFirst(Spec& spec) {
  if (spec.eos < 0) return;
  std::erase(spec.ends, spec.eos);
  spec.ends.insert(spec.ends.begin(), spec.eos);
}

}  // namespace

struct Tokenizer::State {
  Spec spec;
  PreTokenizer pre_tokenizer;
  std::string bytes;                   // The raw bytes of all tokens.
  std::vector<std::uint32_t> offsets;  // Of token id in `bytes`; one more at the end.
  Bpe bpe;
  SpecialTokens literals{{}};  // Found in all text.
  SpecialTokens specials{{}};  // Found on request: the literals, the markup and the control tokens.
  bool has_all_bytes = true;

  std::string_view TokenBytes(std::size_t id) const {
    return std::string_view(bytes).substr(offsets[id], offsets[id + 1] - offsets[id]);
  }
  Result<> LoadTokens();
  Result<> LoadBytes();
  void LoadSpecials();
  Result<> LoadMerges();
  void LoadWholes();
  void Encode(std::string_view text, const SpecialTokens& found, std::size_t count_max,
              std::vector<TokenId>& ids) const;
  void EncodeText(std::string_view text, std::size_t count_max, std::vector<TokenId>& ids) const;
  bool CanEncode(std::string_view piece) const;
};

// The raw bytes of every token.
Result<> Tokenizer::State::LoadTokens() {
  offsets.reserve(spec.tokens.size() + 1);
  offsets.push_back(0);
  for (const Spec::Token& token : spec.tokens) {
    std::optional<std::string> raw;
    if (token.kind == Kind::kNormal) raw = FromByteAlphabet(token.text);
    if (token.kind == Kind::kByte) {
      const auto byte = ParseByteToken(token.text);
      if (!byte) {
        return Fail(ErrorCode::kInvalidArgument, "token {} is a byte token but not <0xNN>",
                    offsets.size() - 1);
      }
      raw = std::string(1, static_cast<char>(*byte));
    }
    // A normal token outside the alphabet cannot come out of encoding; it decodes as it stands.
    bytes += raw ? *raw : token.text;
    offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  return {};
}

Result<> Tokenizer::State::LoadBytes() {
  for (const Kind kind : {Kind::kNormal, Kind::kByte}) {
    for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
      const std::string_view raw = TokenBytes(id);
      if (spec.tokens[id].kind != kind || raw.size() != 1) continue;
      const auto byte = static_cast<unsigned char>(raw[0]);
      if (bpe.byte_id(byte) < 0) bpe.SetByte(byte, static_cast<TokenId>(id));
    }
  }
  // DeepSeek LLM's vocabulary lacks the bytes that no valid text has.
  for (int byte = 0; byte < 256; ++byte) {
    if (bpe.byte_id(static_cast<unsigned char>(byte)) >= 0) continue;
    if (OccursInUtf8(byte)) {
      return Fail(ErrorCode::kInvalidArgument, "tokenizer has no token for byte 0x{:02x}", byte);
    }
    has_all_bytes = false;
  }
  return {};
}

void Tokenizer::State::LoadSpecials() {
  std::vector<SpecialTokens::Entry> literal;
  std::vector<SpecialTokens::Entry> all;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Spec::Token& token = spec.tokens[id];
    if (token.kind != Kind::kControl && token.kind != Kind::kUserDefined) continue;
    all.emplace_back(token.text, static_cast<TokenId>(id));
    if (IsLiteral(token)) literal.push_back(all.back());
  }
  literals = SpecialTokens(std::move(literal));
  specials = SpecialTokens(std::move(all));
}

Result<> Tokenizer::State::LoadMerges() {
  std::unordered_map<std::string_view, TokenId> ids;
  ids.reserve(spec.tokens.size());
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Spec::Token& token = spec.tokens[id];
    if (token.kind == Kind::kNormal || token.kind == Kind::kUserDefined) {
      ids.emplace(token.text, static_cast<TokenId>(id));
    }
  }
  std::string joined;
  for (std::size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const auto& [left, right] = spec.merges[rank];
    joined.assign(left).append(right);
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto joined_id = ids.find(joined);
    if (left_id == ids.end() || right_id == ids.end() || joined_id == ids.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "merge {} ('{}' with '{}') is of tokens that the vocabulary lacks", rank,
                  left.substr(0, 64), right.substr(0, 64));
    }
    bpe.AddMerge(left_id->second, right_id->second, joined_id->second);
  }
  return {};
}

// Finds the tokens that their own bytes encode to; with ignore_merges all of them count.
void Tokenizer::State::LoadWholes() {
  bpe.ReserveWhole(spec.tokens.size());
  std::vector<TokenId> ids;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string_view raw = TokenBytes(id);
    if (spec.tokens[id].kind != Kind::kNormal || raw.empty()) continue;
    ids.clear();
    if (!spec.ignore_merges) bpe.EncodeByMerges(raw, ids);
    const auto own = static_cast<TokenId>(id);
    if (spec.ignore_merges || (ids.size() == 1 && ids[0] == own)) bpe.AddWhole(raw, own);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Make(Spec spec) {
  TRY(CheckLimits(spec));
  PutEosFirst(spec);
  TRY_ASSIGN(PreTokenizer pre_tokenizer, PreTokenizer::Make(spec.pre_patterns));
  const std::size_t merge_count = spec.merges.size();
  std::unique_ptr<State> state(
      new State{std::move(spec), std::move(pre_tokenizer), {}, {}, Bpe(merge_count)});
  TRY(state->LoadTokens());
  TRY(state->LoadBytes());
  state->LoadSpecials();
  TRY(state->LoadMerges());
  state->LoadWholes();
  return std::unique_ptr<const Tokenizer>(new Tokenizer(std::move(state)));
}

bool Tokenizer::State::CanEncode(std::string_view piece) const {
  if (has_all_bytes) return true;
  return std::all_of(piece.begin(), piece.end(),
                     [&](char byte) { return bpe.byte_id(static_cast<unsigned char>(byte)) >= 0; });
}

void Tokenizer::State::EncodeText(std::string_view text, std::size_t count_max,
                                  std::vector<TokenId>& ids) const {
  std::vector<std::string_view> pieces;
  pre_tokenizer.Split(text, pieces);
  ids.reserve(ids.size() + pieces.size());
  for (const std::string_view piece : pieces) {
    if (ids.size() > count_max) return;
    bpe.Encode(CanEncode(piece) ? piece : kReplacementCharacter, ids);
  }
}

// Takes the tokens of `found` out first, then encodes what is between them.
void Tokenizer::State::Encode(std::string_view text, const SpecialTokens& found,
                              std::size_t count_max, std::vector<TokenId>& ids) const {
  std::size_t done = 0;
  while (const auto match = found.FindFirst(text, done)) {
    EncodeText(text.substr(done, match->begin - done), count_max, ids);
    if (ids.size() > count_max) return;
    ids.push_back(match->id);
    done = match->begin + match->bytes;
  }
  EncodeText(text.substr(done), count_max, ids);
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_bos && state_->spec.bos >= 0) ids.push_back(state_->spec.bos);
  state_->Encode(text, options.parse_special ? state_->specials : state_->literals,
                 options.count_max, ids);
  return ids;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids, bool with_special) const {
  std::string text;
  for (const TokenId id : ids) {
    if (with_special || !IsSpecial(id)) text += TokenBytes(id);
  }
  return text;
}

std::string_view Tokenizer::TokenBytes(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) return {};
  return state_->TokenBytes(static_cast<std::size_t>(id));
}

bool Tokenizer::IsSpecial(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) return false;
  const Kind kind = state_->spec.tokens[static_cast<std::size_t>(id)].kind;
  return kind == Kind::kControl || kind == Kind::kUnused;
}

std::optional<TokenId> Tokenizer::FindSpecial(std::string_view text) const {
  return state_->specials.Find(text);
}

std::size_t Tokenizer::vocab_size() const { return state_->spec.tokens.size(); }
TokenId Tokenizer::bos() const { return state_->spec.bos; }
TokenId Tokenizer::eos() const { return state_->spec.eos; }
const std::vector<TokenId>& Tokenizer::ends() const { return state_->spec.ends; }
const Spec& Tokenizer::spec() const { return state_->spec; }

}  // namespace holdfast::tokenizer
