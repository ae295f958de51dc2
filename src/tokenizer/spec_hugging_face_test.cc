#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"
#include "tokenizer/test_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {
namespace {

using json::Array;
using json::Object;
using json::Value;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Spec::Token::Kind;

// A tokenizer.json as DeepSeek's look, with 256 bytes, "ab", "abc" and four added tokens.
Object Document() {
  Object vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[ToByteAlphabet(std::string(1, static_cast<char>(byte)))] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  const auto added = [](int id, std::string_view content, bool is_special) {
    return Object{
        {"id", id},        {"content", content}, {"single_word", false}, {"lstrip", false},
        {"rstrip", false}, {"normalized", true}, {"special", is_special}};
  };
  return Object{
      {"version", "1.0"},
      {"added_tokens",
       Array{added(258, "<｜begin▁of▁sentence｜>", true), added(259, "<｜end▁of▁sentence｜>", true),
             added(260, "<｜User｜>", false), added(262, "<think>", false)}},
      {"normalizer", Object{{"type", "Sequence"}, {"normalizers", Array{}}}},
      {"pre_tokenizer",
       Object{{"type", "Sequence"},
              {"pretokenizers", Array{Object{{"type", "Split"},
                                             {"pattern", Object{{"Regex", "[\\r\\n]"}}},
                                             {"behavior", "Isolated"},
                                             {"invert", false}},
                                      Object{{"type", "Digits"}, {"individual_digits", true}},
                                      Object{{"type", "ByteLevel"},
                                             {"add_prefix_space", false},
                                             {"trim_offsets", true},
                                             {"use_regex", false}}}}}},
      {"post_processor", Object{{"type", "ByteLevel"}}},
      {"model", Object{{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", nullptr},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", ""},
                       {"fuse_unk", false},
                       {"byte_fallback", false},
                       {"vocab", std::move(vocabulary)},
                       {"merges", Array{"a b", "ab c"}}}},
  };
}

Result<Spec> Read(const Object& document, std::string_view config = {}) {
  return SpecFromHuggingFace(json::Write(document), config);
}

TEST(SpecFromHuggingFace, ReadsDeepSeeksShape) {
  const auto spec = Read(Document(), R"({"bos_token": {"content": "<｜begin▁of▁sentence｜>"},
      "eos_token": "<｜end▁of▁sentence｜>", "add_bos_token": true, "chat_template": "{{ x }}"})");
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->tokens.size(), 263u);
  EXPECT_EQ(spec->tokens[257].text, "abc");
  EXPECT_EQ(spec->tokens[258].kind, Kind::kControl);
  EXPECT_EQ(spec->tokens[260].kind, Kind::kControl);  // By its look.
  EXPECT_EQ(spec->tokens[261].kind, Kind::kUnused);   // A hole.
  EXPECT_EQ(spec->tokens[262].kind, Kind::kUserDefined);
  EXPECT_THAT(spec->pre_patterns, ElementsAre("[\\r\\n]", "\\p{N}"));
  EXPECT_EQ(spec->bos, 258);
  EXPECT_EQ(spec->eos, 259);
  EXPECT_TRUE(spec->add_bos);
  EXPECT_FALSE(spec->ignore_merges);
  EXPECT_FALSE(spec->expects_nfc);
  EXPECT_EQ(spec->chat_template, "{{ x }}");
  const auto tokenizer = Tokenizer::Make(*spec);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT((*tokenizer)->Encode("abc12\n", {.add_bos = true}),
              ElementsAre(258, 257, '1', '2', '\n'));
}

TEST(SpecFromHuggingFace, BothFormsOfMergesAreTheSame) {
  Object document = Document();
  document["model"].as_object()["merges"] = Array{Array{"a", "b"}, Array{"ab", "c"}};
  const auto spec = Read(document);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->merges, Read(Document())->merges);
}

TEST(SpecFromHuggingFace, DefaultsWithoutAConfig) {
  Object document = Document();
  document["model"].as_object()["ignore_merges"] = true;
  document["normalizer"] = Object{{"type", "NFC"}};
  auto spec = Read(document);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_TRUE(spec->ignore_merges);
  EXPECT_TRUE(spec->expects_nfc);
  EXPECT_EQ(spec->bos, 258);  // By the conventional names.
  EXPECT_EQ(spec->eos, 259);
  EXPECT_FALSE(spec->add_bos);
  document["post_processor"] = Object{
      {"type", "Sequence"},
      {"processors",
       Array{Object{
           {"type", "TemplateProcessing"},
           {"single", Array{Object{{"SpecialToken", Object{{"id", "<｜begin▁of▁sentence｜>"}}}},
                            Object{{"Sequence", Object{{"id", "A"}}}}}}}}}};
  spec = Read(document);
  ASSERT_TRUE(spec);
  EXPECT_TRUE(spec->add_bos);
  EXPECT_FALSE(Read(document, R"({"add_bos_token": false})")->add_bos);
}

TEST(SpecFromHuggingFace, NamedChatTemplatesTakeTheDefault) {
  const auto spec = Read(Document(), R"({"chat_template":
      [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->chat_template, "d");
}

TEST(SpecFromHuggingFace, ATemplateInAFileOfItsOwnTakesPrecedence) {
  const std::string tokenizer = json::Write(Document());
  const std::string config = R"({"chat_template": "inside"})";
  EXPECT_EQ(SpecFromHuggingFace(tokenizer, config)->chat_template, "inside");
  EXPECT_EQ(SpecFromHuggingFace(tokenizer, config, "beside")->chat_template, "beside");
  EXPECT_EQ(SpecFromHuggingFace(tokenizer, "", "beside")->chat_template, "beside");
}

TEST(SpecFromHuggingFace, ByteLevelWithItsRegexAndLiteralSplits) {
  Object document = Document();
  document["pre_tokenizer"] = Object{
      {"type", "Sequence"},
      {"pretokenizers", Array{Object{{"type", "Split"}, {"pattern", Object{{"String", "a.ä"}}}},
                              Object{{"type", "ByteLevel"}, {"add_prefix_space", false}}}}};
  const auto spec = Read(document);
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->pre_patterns.size(), 2u);
  EXPECT_EQ(spec->pre_patterns[0], "\\x{61}\\x{2e}ä");
  EXPECT_THAT(spec->pre_patterns[1], HasSubstr("'ll"));
}

// Changes one thing and returns the error.
Error Refused(const std::function<void(Object&)>& change, std::string_view config = {}) {
  Object document = Document();
  change(document);
  const auto spec = Read(document, config);
  EXPECT_FALSE(spec);
  if (spec) return {};
  EXPECT_THAT(spec.error().message, HasSubstr("tokenizer.json: "));
  return spec.error();
}

TEST(SpecFromHuggingFace, RefusesByNameWhatItWouldNotReproduce) {
  const auto model = [](std::string_view key, const Value& value) {
    return Refused([&](Object& d) { d["model"].as_object()[key] = value; });
  };
  const auto pre = [](const Value& step) {
    return Refused([&](Object& d) {
      Array& steps = d["pre_tokenizer"].as_object()["pretokenizers"].as_array();
      steps.insert(steps.begin(), step);
    });
  };
  const auto added = [](std::string_view key, const Value& value) {
    return Refused([&](Object& d) { d["added_tokens"].as_array()[0].as_object()[key] = value; });
  };
  const struct {
    Error error;
    std::string_view wanted;
  } cases[] = {
      {model("type", "Unigram"), "'Unigram' is not BPE"},
      {model("byte_fallback", true), "byte_fallback"},
      {model("dropout", 0.1), "dropout"},
      {model("continuing_subword_prefix", "##"), "continuing_subword_prefix"},
      {pre(Object{{"type", "Metaspace"}}), "pre_tokenizer 'Metaspace'"},
      {pre(Object{{"type", "Split"}, {"behavior", "Removed"}}), "behavior 'Removed'"},
      {pre(Object{{"type", "ByteLevel"}, {"add_prefix_space", true}}), "add_prefix_space"},
      {pre(Object{{"type", "ByteLevel"}, {"add_prefix_space", false}}), "after ByteLevel"},
      {added("lstrip", true), "added token 258 uses lstrip"},
      {Refused([](Object& d) {
         d["normalizer"] = Object{{"type", "Lowercase"}};
       }),
       "'Lowercase'"},
      {Refused([](Object& d) { d["pre_tokenizer"] = nullptr; }), "no ByteLevel step"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.error.code, ErrorCode::kUnsupported) << c.wanted;
    EXPECT_THAT(c.error.message, HasSubstr(c.wanted));
  }
}

TEST(SpecFromHuggingFace, RefusesBrokenFiles) {
  EXPECT_FALSE(SpecFromHuggingFace("", ""));
  EXPECT_FALSE(SpecFromHuggingFace("[]", ""));
  EXPECT_FALSE(SpecFromHuggingFace("{}", ""));
  EXPECT_FALSE(Read(Document(), "[]"));
  const auto model = [](std::string_view key, const Value& value) {
    return Refused([&](Object& d) { d["model"].as_object()[key] = value; }).message;
  };
  EXPECT_THAT(model("merges", Array{"a b", "abc"}), HasSubstr("merge 1"));
  EXPECT_THAT(model("merges", Array{Array{"a"}}), HasSubstr("merge 0"));
  EXPECT_THAT(model("merges", "a b"), HasSubstr("'merges' must be an array"));
  EXPECT_THAT(model("vocab", Array{}), HasSubstr("'vocab' must be an object"));
  EXPECT_THAT(model("vocab", Object{{"a", 0}, {"b", 0}}), HasSubstr("id 0 is given twice"));
  EXPECT_THAT(model("vocab", Object{{"a", 1 << 20}}), HasSubstr("id 1048576"));
  EXPECT_THAT(model("vocab", Object{{"a", -1}}), HasSubstr("id -1"));
  EXPECT_THAT(model("vocab", Object{{"a", "x"}}), HasSubstr("id of 'a'"));
  const auto added = [](const Value& value) {
    return Refused([&](Object& d) { d["added_tokens"] = value; }).message;
  };
  EXPECT_THAT(added(Array{7}), HasSubstr("an added token is not an object"));
  EXPECT_THAT(added(Array{Object{{"id", -3}, {"content", "x"}}}), HasSubstr("'id' is -3"));
  EXPECT_THAT(added(Array{Object{{"id", 3}}}), HasSubstr("'content' is missing"));
  EXPECT_THAT(Refused([](Object&) {}, R"({"bos_token": "nobody"})").message,
              HasSubstr("bos_token 'nobody' is not in the vocabulary"));
  // A Sequence in a Sequence, and so on.
  Value deep = Object{{"type", "ByteLevel"}, {"add_prefix_space", false}};
  for (int i = 0; i < 6; ++i) deep = Object{{"type", "Sequence"}, {"pretokenizers", Array{deep}}};
  EXPECT_THAT(Refused([&](Object& d) { d["pre_tokenizer"] = deep; }).message,
              HasSubstr("too deep"));
}

}  // namespace
}  // namespace holdfast::tokenizer
