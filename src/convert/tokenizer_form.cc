#include "convert/tokenizer_form.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "json/json.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::convert {
namespace {

using tokenizer::Spec;
using Kind = Spec::Token::Kind;
using weights::TokenizerSource;

// Token types of the GGUF format, in its numbers.
std::int32_t GgufTokenType(Kind kind) {
  switch (kind) {
    case Kind::kNormal:
      return 1;
    case Kind::kControl:
      return 3;
    case Kind::kUserDefined:
      return 4;
    case Kind::kUnused:
      return 5;
    case Kind::kByte:
      return 6;
  }
  return 1;
}

// Names under which the current engines know pre-tokenizers.
constexpr std::array<std::string_view, 7> kPreNames{
    "deepseek-v3", "deepseek-llm", "deepseek-coder", "kimi-k2", "qwen2", "llama-bpe", "gpt-2"};

// Text on which all named pre-tokenizers differ: digits in runs, letters of several scripts,
// spaces and line ends in runs, contractions, punctuation before and after words.
constexpr std::string_view kProbe =
    "Hello World's 1234567 tests, it's 3.14159!\r\n\r\n  \t x = y_1 + z2;\n\n\n   indented\n"
    "don't WE'LL café naïve Straße ÀÉÎ ǅ ß 你好，世界。中文123字 ひらがなカタカナ 한국어 русский "
    "Ελλάδα "
    "عربي हिन्दी ไทย 🚀🚀 e\xCC\x81 (a)[b]{c} #tag @user $5 50% a-b--c ... ?! \"quoted\" 'single' "
    "/path/to\\file <tag> a|b ~`^& １２３ ½ Ⅳ  trailing   \n \n";

std::vector<std::string> Pieces(const tokenizer::PreTokenizer& splitter) {
  std::vector<std::string_view> pieces;
  splitter.Split(kProbe, pieces);
  return {pieces.begin(), pieces.end()};
}

// The name of the pre-tokenizer that splits the probe as these patterns do.
Result<std::string> PreName(const Spec& spec) {
  TRY_ASSIGN(const tokenizer::PreTokenizer own, tokenizer::PreTokenizer::Make(spec.pre_patterns));
  const std::vector<std::string> pieces = Pieces(own);
  for (std::string_view name : kPreNames) {
    TRY_ASSIGN(const tokenizer::PreTokenizer named, tokenizer::PreTokenizer::Named(name));
    if (Pieces(named) == pieces) return std::string(name);
  }
  return Fail(ErrorCode::kUnsupported,
              "the pre-tokenizer of tokenizer.json splits text like none that GGUF has a name for");
}

Result<Spec> ReadFiles(const TokenizerSource& source) {
  if (source.tokens.empty()) {
    return tokenizer::SpecFromHuggingFace(source.tokenizer_json, source.tokenizer_config_json,
                                          source.chat_template);
  }
  return tokenizer::SpecFromGguf({.tokens = source.tokens,
                                  .token_types = source.token_types,
                                  .merges = source.merges,
                                  .pre = source.pre,
                                  .bos_token_id = source.bos_token_id,
                                  .eos_token_id = source.eos_token_id,
                                  .add_bos_token = source.add_bos_token,
                                  .chat_template = source.chat_template});
}

json::Object ByteLevel(bool has_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", has_regex}};
}

json::Array AddedTokens(const Spec& spec) {
  json::Array added;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Spec::Token& token = spec.tokens[id];
    if (token.kind != Kind::kControl && token.kind != Kind::kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", token.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", token.kind == Kind::kControl}});
  }
  return added;
}

std::string WriteTokenizerJson(const Spec& spec) {
  json::Object vocabulary;
  vocabulary.reserve(spec.tokens.size());
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    // Fillers stay out: Hugging Face's vocabularies may be shorter than the embedding.
    if (spec.tokens[id].kind == Kind::kUnused) continue;
    vocabulary[spec.tokens[id].text] = id;
  }
  json::Array merges;
  merges.reserve(spec.merges.size());
  for (const auto& [left, right] : spec.merges) merges.push_back(json::Array{left, right});
  json::Array steps;
  for (const std::string& pattern : spec.pre_patterns) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(ByteLevel(false));
  json::Object root;
  root["version"] = "1.0";
  root["truncation"] = nullptr;
  root["padding"] = nullptr;
  root["added_tokens"] = AddedTokens(spec);
  root["normalizer"] = nullptr;
  root["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
  root["post_processor"] = nullptr;
  root["decoder"] = ByteLevel(true);
  root["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", nullptr},
                   {"end_of_word_suffix", nullptr},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"ignore_merges", spec.ignore_merges},
                   {"vocab", std::move(vocabulary)},
                   {"merges", std::move(merges)}};
  return json::Write(root);
}

std::string WriteTokenizerConfig(const Spec& spec) {
  json::Object config;
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  config["add_bos_token"] = spec.add_bos;
  config["add_eos_token"] = false;
  config["clean_up_tokenization_spaces"] = false;
  const auto add = [&](std::string_view key, tokenizer::TokenId id) {
    if (id >= 0) config[key] = spec.tokens[static_cast<std::size_t>(id)].text;
  };
  add("bos_token", spec.bos);
  add("eos_token", spec.eos);
  add("pad_token", spec.eos);
  if (!spec.chat_template.empty()) config["chat_template"] = spec.chat_template;
  return json::Write(config);
}

// An id that the model's configuration names where the tokenizer's own files are silent.
tokenizer::TokenId Fallback(tokenizer::TokenId id, std::int64_t configured, const Spec& spec) {
  const bool is_token =
      configured >= 0 && configured < static_cast<std::int64_t>(spec.tokens.size());
  return id < 0 && is_token ? static_cast<tokenizer::TokenId>(configured) : id;
}

}  // namespace

Result<Spec> TokenizerSpec(const TokenizerSource& source) {
  if (source.tokenizer_json.empty() && source.tokens.empty()) {
    return Fail(ErrorCode::kNotFound, "the checkpoint has no tokenizer");
  }
  TRY_ASSIGN(Spec spec, ReadFiles(source));
  spec.bos = Fallback(spec.bos, source.bos_token_id, spec);
  spec.eos = Fallback(spec.eos, source.eos_token_id, spec);
  if (spec.eos >= 0) spec.ends.push_back(spec.eos);
  for (const std::int64_t id : source.eos_token_ids) {
    if (id < 0 || id > std::numeric_limits<tokenizer::TokenId>::max()) {
      return Fail(ErrorCode::kInvalidArgument, "end id {} is not a token's", id);
    }
    const auto end = static_cast<tokenizer::TokenId>(id);
    if (std::ranges::find(spec.ends, end) == spec.ends.end()) spec.ends.push_back(end);
  }
  if (spec.ends.size() > tokenizer::Tokenizer::kEndsMax) {
    return Fail(ErrorCode::kTooLarge, "{} end ids are over the limit of {}", spec.ends.size(),
                tokenizer::Tokenizer::kEndsMax);
  }
  return spec;
}

Result<TokenizerSource> ToGgufTokenizer(const TokenizerSource& source, std::int64_t vocab_size) {
  if (!source.tokens.empty() || source.tokenizer_json.empty()) return source;
  TRY_ASSIGN(const Spec spec, TokenizerSpec(source));
  TokenizerSource target;
  TRY_ASSIGN(target.pre, PreName(spec));
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Spec::Token& token = spec.tokens[id];
    // Every token needs a text of its own.
    target.tokens.push_back(token.text.empty() ? fmt::format("[PAD{}]", id) : token.text);
    target.token_types.push_back(GgufTokenType(token.kind));
  }
  for (auto id = static_cast<std::int64_t>(spec.tokens.size()); id < vocab_size; ++id) {
    target.tokens.push_back(fmt::format("[PAD{}]", id));
    target.token_types.push_back(GgufTokenType(Kind::kUnused));
  }
  for (const auto& [left, right] : spec.merges) target.merges.push_back(left + " " + right);
  target.bos_token_id = spec.bos;
  target.eos_token_id = spec.eos;
  target.eos_token_ids.assign(spec.ends.begin(), spec.ends.end());
  target.add_bos_token = spec.add_bos;
  target.chat_template = spec.chat_template;
  return target;
}

Result<TokenizerTexts> ToHfTokenizer(const TokenizerSource& source) {
  if (source.tokens.empty()) {
    return TokenizerTexts{source.tokenizer_json, source.tokenizer_config_json,
                          source.chat_template};
  }
  TRY_ASSIGN(const Spec spec, TokenizerSpec(source));
  return TokenizerTexts{WriteTokenizerJson(spec), WriteTokenizerConfig(spec), {}};
}

}  // namespace holdfast::convert
