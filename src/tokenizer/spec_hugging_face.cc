// SpecFromHuggingFace: tokenizer.json (model BPE, pre-tokenizers of Split, Digits and ByteLevel)
// and tokenizer_config.json. What we would not reproduce exactly is refused by name.
#include <algorithm>
#include <initializer_list>

#include "json/json.h"
#include "tokenizer/pre_patterns.h"
#include "tokenizer/special_text.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {
namespace {

using json::Array;
using json::Find;
using json::Object;
using json::Value;
using Kind = Spec::Token::Kind;

constexpr std::size_t kTokenizerBytesMax = 64u << 20;  // Kimi-K2's is 20 MB as JSON.
constexpr std::size_t kConfigBytesMax = 4u << 20;
constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kStepsMax = 64;   // Parts of a Sequence.
constexpr std::size_t kNestingMax = 4;  // Sequences in Sequences.

bool IsNull(const Value* value) { return value == nullptr || value->is_null(); }

bool IsNullOrEmpty(const Value* value) {
  return IsNull(value) || (value->is_string() && value->get_string().empty());
}

Result<const Object*> AsObject(const Value& value, std::string_view what) {
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "{} is not an object", what);
  return &value.get_object();
}

// Model.

Result<> CheckModelOptions(const Object& model) {
  TRY_ASSIGN(const std::string type, json::StringOr(model, "type", "BPE"));
  if (type != "BPE") {
    return Fail(ErrorCode::kUnsupported, "tokenizer model '{}' is not BPE", type.substr(0, 64));
  }
  for (const std::string_view affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!IsNullOrEmpty(Find(model, affix))) {
      return Fail(ErrorCode::kUnsupported, "tokenizer model uses {}", affix);
    }
  }
  TRY_ASSIGN(const double dropout, json::NumberOr(model, "dropout", 0));
  TRY_ASSIGN(const bool has_byte_fallback, json::BoolOr(model, "byte_fallback", false));
  if (dropout != 0 || has_byte_fallback) {
    return Fail(ErrorCode::kUnsupported, "tokenizer model uses {}",
                has_byte_fallback ? "byte_fallback" : "dropout");
  }
  return {};
}

// Puts a token at its id, growing the list; ids without a token stay unused and empty.
Result<> PlaceToken(std::vector<Spec::Token>& tokens, std::int64_t id, std::string text,
                    Kind kind) {
  if (id < 0 || id >= static_cast<std::int64_t>(Tokenizer::kTokensMax)) {
    return Fail(ErrorCode::kTooLarge, "token id {} is outside 0..{}", id,
                Tokenizer::kTokensMax - 1);
  }
  const auto index = static_cast<std::size_t>(id);
  if (index >= tokens.size()) tokens.resize(index + 1, {std::string(), Kind::kUnused});
  tokens[index] = {std::move(text), kind};
  return {};
}

Result<> ReadVocabulary(const Object& model, Spec& spec) {
  TRY_ASSIGN(const Object* vocabulary, json::RequireObject(model, "vocab"));
  if (vocabulary->size() > Tokenizer::kTokensMax) {
    return Fail(ErrorCode::kTooLarge, "vocab of {} tokens is over the limit of {}",
                vocabulary->size(), Tokenizer::kTokensMax);
  }
  for (const auto& [text, value] : *vocabulary) {
    if (!value.is_int64()) {
      return Fail(ErrorCode::kInvalidArgument, "vocab: the id of '{}' is not an integer",
                  std::string_view(text).substr(0, 64));
    }
    const std::int64_t id = value.get_int64();
    const auto count = static_cast<std::int64_t>(spec.tokens.size());
    if (id >= 0 && id < count && spec.tokens[static_cast<std::size_t>(id)].kind != Kind::kUnused) {
      return Fail(ErrorCode::kInvalidArgument, "vocab: id {} is given twice", id);
    }
    TRY(PlaceToken(spec.tokens, id, std::string(text), Kind::kNormal));
  }
  return {};
}

// One merge, written "a b" or ["a", "b"].
Result<std::pair<std::string, std::string>> ReadMerge(const Value& value, std::size_t rank) {
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    const std::size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
    }
  } else if (value.is_array()) {
    const Array& pair = value.get_array();
    if (pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
      return std::pair(std::string(pair[0].get_string()), std::string(pair[1].get_string()));
    }
  }
  return Fail(ErrorCode::kInvalidArgument, "merge {} is not two tokens", rank);
}

Result<> ReadModel(const Object& root, Spec& spec) {
  TRY_ASSIGN(const Object* model, json::RequireObject(root, "model"));
  TRY(CheckModelOptions(*model));
  TRY(ReadVocabulary(*model, spec));
  TRY_ASSIGN(const Array* merges, json::RequireArray(*model, "merges", Tokenizer::kMergesMax));
  spec.merges.reserve(merges->size());
  for (std::size_t rank = 0; rank < merges->size(); ++rank) {
    TRY_ASSIGN(auto merge, ReadMerge((*merges)[rank], rank));
    spec.merges.push_back(std::move(merge));
  }
  TRY_ASSIGN(spec.ignore_merges, json::BoolOr(*model, "ignore_merges", false));
  return {};
}

Result<> ReadAddedTokens(const Object& root, Spec& spec) {
  if (IsNull(Find(root, "added_tokens"))) return {};
  TRY_ASSIGN(const Array* added, json::RequireArray(root, "added_tokens", Tokenizer::kTokensMax));
  for (const Value& value : *added) {
    TRY_ASSIGN(const Object* token, AsObject(value, "an added token"));
    TRY_ASSIGN(const std::int64_t id, json::RequireInt(*token, "id", 0, Tokenizer::kTokensMax - 1));
    TRY_ASSIGN(std::string content, json::RequireString(*token, "content"));
    for (const std::string_view option : {"single_word", "lstrip", "rstrip"}) {
      TRY_ASSIGN(const bool is_set, json::BoolOr(*token, option, false));
      if (is_set) return Fail(ErrorCode::kUnsupported, "added token {} uses {}", id, option);
    }
    TRY_ASSIGN(const bool is_special, json::BoolOr(*token, "special", false));
    const bool is_control = is_special || LooksLikeControl(content);
    TRY(PlaceToken(spec.tokens, id, std::move(content),
                   is_control ? Kind::kControl : Kind::kUserDefined));
  }
  return {};
}

// Normalizer and pre-tokenizer.

Result<> ReadNormalizer(const Value* value, std::size_t nesting, Spec& spec) {
  if (IsNull(value)) return {};
  if (nesting > kNestingMax) return Fail(ErrorCode::kTooLarge, "normalizer: too deep");
  TRY_ASSIGN(const Object* normalizer, AsObject(*value, "normalizer"));
  TRY_ASSIGN(const std::string type, json::RequireString(*normalizer, "type"));
  if (type == "NFC") {
    spec.expects_nfc = true;
    return {};
  }
  if (type == "Sequence") {
    TRY_ASSIGN(const Array* parts, json::RequireArray(*normalizer, "normalizers", kStepsMax));
    for (std::size_t i = 0; i < parts->size(); ++i) {
      TRY(ReadNormalizer(&(*parts)[i], nesting + 1, spec));
    }
    return {};
  }
  return Fail(ErrorCode::kUnsupported, "normalizer '{}'", type.substr(0, 64));
}

// A literal string as a pattern.
std::string Quote(std::string_view text) {
  std::string pattern;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (value < 0x80) {
      pattern += fmt::format("\\x{{{:x}}}", value);
    } else {
      pattern += byte;
    }
  }
  return pattern;
}

Result<> ReadSplit(const Object& split, Spec& spec) {
  TRY_ASSIGN(const std::string behavior, json::StringOr(split, "behavior", "Isolated"));
  // With Isolated the gaps are pieces like the matches, so `invert` changes nothing.
  if (behavior != "Isolated") {
    return Fail(ErrorCode::kUnsupported, "pre_tokenizer Split with behavior '{}'",
                behavior.substr(0, 64));
  }
  TRY_ASSIGN(const Object* pattern, json::RequireObject(split, "pattern"));
  if (Find(*pattern, "String") != nullptr) {
    TRY_ASSIGN(const std::string text, json::RequireString(*pattern, "String"));
    spec.pre_patterns.push_back(Quote(text));
  } else {
    TRY_ASSIGN(std::string regex, json::RequireString(*pattern, "Regex"));
    spec.pre_patterns.push_back(std::move(regex));
  }
  return {};
}

Result<> ReadByteLevel(const Object& step, Spec& spec, bool& has_byte_level) {
  if (has_byte_level) return Fail(ErrorCode::kUnsupported, "pre_tokenizer: two ByteLevel steps");
  has_byte_level = true;
  TRY_ASSIGN(const bool has_prefix_space, json::BoolOr(step, "add_prefix_space", true));
  if (has_prefix_space) {
    return Fail(ErrorCode::kUnsupported, "pre_tokenizer ByteLevel with add_prefix_space");
  }
  TRY_ASSIGN(const bool has_regex, json::BoolOr(step, "use_regex", true));
  if (!has_regex) return {};
  TRY_ASSIGN(const auto patterns, NamedPrePatterns("gpt-2"));
  spec.pre_patterns.insert(spec.pre_patterns.end(), patterns.begin(), patterns.end());
  return {};
}

Result<> ReadPreTokenizer(const Value& value, std::size_t nesting, Spec& spec,
                          bool& has_byte_level) {
  if (nesting > kNestingMax) return Fail(ErrorCode::kTooLarge, "pre_tokenizer: too deep");
  TRY_ASSIGN(const Object* step, AsObject(value, "pre_tokenizer"));
  TRY_ASSIGN(const std::string type, json::RequireString(*step, "type"));
  if (type == "Sequence") {
    TRY_ASSIGN(const Array* parts, json::RequireArray(*step, "pretokenizers", kStepsMax));
    for (const Value& part : *parts) {
      TRY(ReadPreTokenizer(part, nesting + 1, spec, has_byte_level));
    }
    return {};
  }
  if (type == "ByteLevel") return ReadByteLevel(*step, spec, has_byte_level);
  if (has_byte_level) {
    // It would see the byte alphabet, not the text.
    return Fail(ErrorCode::kUnsupported, "pre_tokenizer: '{}' after ByteLevel", type.substr(0, 64));
  }
  if (type == "Split") return ReadSplit(*step, spec);
  if (type == "Digits") {
    TRY_ASSIGN(const bool is_individual, json::BoolOr(*step, "individual_digits", false));
    spec.pre_patterns.push_back(is_individual ? R"(\p{N})" : R"(\p{N}+)");
    return {};
  }
  return Fail(ErrorCode::kUnsupported, "pre_tokenizer '{}'", type.substr(0, 64));
}

// Beginning and end of text, chat template.

TokenId FindToken(const Spec& spec, std::string_view text) {
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id].kind != Kind::kUnused && spec.tokens[id].text == text) {
      return static_cast<TokenId>(id);
    }
  }
  return -1;
}

TokenId FindControl(const Spec& spec, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const TokenId id = FindToken(spec, name);
    if (id >= 0 && spec.tokens[static_cast<std::size_t>(id)].kind == Kind::kControl) return id;
  }
  return -1;
}

// Whether the post-processor's template for one text begins with a special token.
bool TemplateBeginsWithSpecial(const Value* value, std::size_t nesting = 0) {
  if (IsNull(value) || !value->is_object() || nesting > kNestingMax) return false;
  const Object& processor = value->get_object();
  if (const Value* parts = Find(processor, "processors"); parts != nullptr && parts->is_array()) {
    return std::any_of(
        parts->get_array().begin(), parts->get_array().end(),
        [&](const Value& part) { return TemplateBeginsWithSpecial(&part, nesting + 1); });
  }
  const Value* single = Find(processor, "single");
  if (single == nullptr || !single->is_array() || single->get_array().empty()) return false;
  const Value& first = single->get_array()[0];
  return first.is_object() && first.get_object().contains("SpecialToken");
}

// A token's text in tokenizer_config.json: a string, or an object with `content`.
Result<std::string> TokenText(const Object& config, std::string_view key) {
  const Value* value = Find(config, key);
  if (value != nullptr && value->is_object()) {
    return json::RequireString(value->get_object(), "content");
  }
  return json::StringOr(config, key, "");
}

Result<TokenId> ConfiguredToken(const Object& config, std::string_view key, const Spec& spec,
                                TokenId fallback) {
  TRY_ASSIGN(const std::string text, TokenText(config, key));
  if (text.empty()) return fallback;
  const TokenId id = FindToken(spec, text);
  if (id < 0) {
    return Fail(ErrorCode::kInvalidArgument, "{} '{}' is not in the vocabulary", key,
                text.substr(0, 64));
  }
  return id;
}

// The template is a string, or a list of named ones of which "default" counts.
Result<std::string> ReadChatTemplate(const Object& config) {
  const Value* value = Find(config, "chat_template");
  if (value == nullptr || !value->is_array()) return json::StringOr(config, "chat_template", "");
  for (const Value& entry : value->get_array()) {
    if (!entry.is_object()) continue;
    TRY_ASSIGN(const std::string name, json::StringOr(entry.get_object(), "name", ""));
    if (name == "default") return json::RequireString(entry.get_object(), "template");
  }
  return std::string();
}

Result<> ReadConfig(const Object& root, std::string_view config_text, Spec& spec) {
  Value parsed = Object();
  if (!config_text.empty()) {
    TRY_ASSIGN(parsed, json::Parse(config_text,
                                   {.text_bytes_max = kConfigBytesMax, .depth_max = kDepthMax}));
  }
  TRY_ASSIGN(const Object* config, AsObject(parsed, "tokenizer_config.json"));
  const TokenId bos = FindControl(spec, {"<｜begin▁of▁sentence｜>", "[BOS]", "<s>"});
  const TokenId eos = FindControl(spec, {"<｜end▁of▁sentence｜>", "[EOS]", "</s>"});
  TRY_ASSIGN(spec.bos, ConfiguredToken(*config, "bos_token", spec, bos));
  TRY_ASSIGN(spec.eos, ConfiguredToken(*config, "eos_token", spec, eos));
  const bool has_template = TemplateBeginsWithSpecial(Find(root, "post_processor"));
  TRY_ASSIGN(spec.add_bos, json::BoolOr(*config, "add_bos_token", has_template));
  TRY_ASSIGN(spec.chat_template, ReadChatTemplate(*config));
  return {};
}

Result<Spec> Read(std::string_view tokenizer_json, std::string_view tokenizer_config_json) {
  TRY_ASSIGN(const Value parsed, json::Parse(tokenizer_json, {.text_bytes_max = kTokenizerBytesMax,
                                                              .depth_max = kDepthMax}));
  TRY_ASSIGN(const Object* root, AsObject(parsed, "the document"));
  Spec spec;
  TRY(ReadModel(*root, spec));
  TRY(ReadAddedTokens(*root, spec));
  TRY(ReadNormalizer(Find(*root, "normalizer"), 0, spec));
  bool has_byte_level = false;
  if (const Value* pre = Find(*root, "pre_tokenizer"); !IsNull(pre)) {
    TRY(ReadPreTokenizer(*pre, 0, spec, has_byte_level));
  }
  if (!has_byte_level) {
    return Fail(ErrorCode::kUnsupported, "pre_tokenizer has no ByteLevel step");
  }
  TRY(ReadConfig(*root, tokenizer_config_json, spec));
  return spec;
}

}  // namespace

Result<Spec> SpecFromHuggingFace(std::string_view tokenizer_json,
                                 std::string_view tokenizer_config_json,
                                 std::string_view chat_template_file) {
  auto spec = Read(tokenizer_json, tokenizer_config_json);
  if (!spec) {
    spec.error().message = "tokenizer.json: " + spec.error().message;
  } else if (!chat_template_file.empty()) {
    spec->chat_template = chat_template_file;
  }
  return spec;
}

}  // namespace holdfast::tokenizer
