#include "trainer/data/vocabulary.h"

#include <unordered_set>

#include <fmt/format.h>

#include "json/json.h"
#include "tokenizer/pre_patterns.h"

namespace holdfast::trainer {
namespace {

// DeepSeek-V3's form: system text right after the beginning, turns between the two role tokens.
constexpr const char* kChatTemplate =
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ message['content'] }}{% elif message['role'] == 'user' %}"
    "{{ '<｜User｜>' + message['content'] }}{% elif message['role'] == 'assistant' %}"
    "{{ '<｜Assistant｜>' + message['content'] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

bool IsThinkToken(const std::string& text) { return text == "<think>" || text == "</think>"; }

json::Array AddedTokens() {
  json::Array added;
  for (std::int32_t id = 0; id < kSpecialTokenCount; ++id) {
    const std::string& text = SpecialTokens()[static_cast<std::size_t>(id)];
    added.push_back(json::Object{{"id", id},
                                 {"content", text},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 // As in R1: the marks of thinking are text that a user may see.
                                 {"special", !IsThinkToken(text)}});
  }
  return added;
}

Result<json::Object> PreTokenizerJson() {
  TRY_ASSIGN(const std::vector<std::string> patterns, tokenizer::NamedPrePatterns("deepseek-v3"));
  json::Array steps;
  for (const std::string& pattern : patterns) {
    steps.push_back(json::Object{{"type", "Split"},
                                 {"pattern", json::Object{{"Regex", pattern}}},
                                 {"behavior", "Isolated"},
                                 {"invert", false}});
  }
  steps.push_back(json::Object{{"type", "ByteLevel"},
                               {"add_prefix_space", false},
                               {"trim_offsets", true},
                               {"use_regex", false}});
  return json::Object{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

json::Object ByteLevel() {
  return json::Object{{"type", "ByteLevel"},
                      {"add_prefix_space", true},
                      {"trim_offsets", true},
                      {"use_regex", true}};
}

}  // namespace

const std::array<std::string, kSpecialTokenCount>& SpecialTokens() {
  static const std::array<std::string, kSpecialTokenCount> kTokens = [] {
    std::array<std::string, kSpecialTokenCount> tokens = {"<｜begin▁of▁sentence｜>",
                                                          "<｜end▁of▁sentence｜>",
                                                          "<｜▁pad▁｜>",
                                                          "<｜User｜>",
                                                          "<｜Assistant｜>",
                                                          "<｜fim▁begin｜>",
                                                          "<｜fim▁hole｜>",
                                                          "<｜fim▁end｜>",
                                                          "<think>",
                                                          "</think>"};
    for (std::size_t i = 10; i < tokens.size(); ++i) {
      tokens[i] = fmt::format("<｜place▁holder▁no▁{}｜>", i - 10);
    }
    return tokens;
  }();
  return kTokens;
}

Result<TokenizerFiles> MakeTokenizerFiles(const BpeMerges& merges, std::int64_t model_max_length) {
  json::Object vocabulary;
  for (std::int32_t id = 0; id < kSpecialTokenCount; ++id) {
    vocabulary[SpecialTokens()[static_cast<std::size_t>(id)]] = id;
  }
  std::vector<std::string> texts;
  for (const std::string& symbol : merges.symbols) {
    texts.push_back(ToByteAlphabet(symbol));
    const auto id = kSpecialTokenCount + static_cast<std::int32_t>(texts.size()) - 1;
    if (!vocabulary.emplace(texts.back(), id).second) {
      return Fail(ErrorCode::kInvalidArgument, "BPE: two merges make the token \"{}\"",
                  texts.back());
    }
  }
  json::Array merge_lines;
  for (const auto& [left, right] : merges.merges) {
    merge_lines.emplace_back(json::Value(texts[static_cast<std::size_t>(left)] + " " +
                                         texts[static_cast<std::size_t>(right)]));
  }
  TRY_ASSIGN(json::Object pre_tokenizer, PreTokenizerJson());

  const json::Object tokenizer{
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", AddedTokens()},
      {"normalizer", json::Object{{"type", "Sequence"}, {"normalizers", json::Array{}}}},
      {"pre_tokenizer", std::move(pre_tokenizer)},
      {"post_processor", json::Object{{"type", "ByteLevel"},
                                      {"add_prefix_space", true},
                                      {"trim_offsets", false},
                                      {"use_regex", true}}},
      {"decoder", ByteLevel()},
      {"model", json::Object{{"type", "BPE"},
                             {"dropout", nullptr},
                             {"unk_token", nullptr},
                             {"continuing_subword_prefix", nullptr},
                             {"end_of_word_suffix", nullptr},
                             {"fuse_unk", false},
                             {"byte_fallback", false},
                             {"vocab", std::move(vocabulary)},
                             {"merges", std::move(merge_lines)}}}};
  const json::Object config{{"add_bos_token", true},
                            {"add_eos_token", false},
                            {"bos_token", SpecialTokens()[kBosId]},
                            {"eos_token", SpecialTokens()[kEosId]},
                            {"pad_token", SpecialTokens()[kPadId]},
                            {"clean_up_tokenization_spaces", false},
                            {"model_max_length", model_max_length},
                            {"tokenizer_class", "LlamaTokenizerFast"},
                            {"chat_template", kChatTemplate}};
  return TokenizerFiles{json::Write(tokenizer), json::Write(config)};
}

}  // namespace holdfast::trainer
