#include "api/engine/chat_request.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

using Role = tokenizer::ChatMessage::Role;
constexpr std::int64_t kVocab = 100;

TEST(ChatRequest, ReadsWhatClientsSend) {
  const ApiResult<ChatRequest> chat = ParseChatRequest(
      R"({"model":"m","messages":[
            {"role":"developer","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"assistant","content":null},
            {"role":"user","content":"c","name":"x"}],
          "temperature":0.5,"top_p":0.9,"top_k":-1,"min_p":0.1,"seed":-3,"stop":["x","y"],
          "max_tokens":7,"max_completion_tokens":9,"stream":true,
          "stream_options":{"include_usage":true},"logit_bias":{"3":-100},
          "logprobs":true,"top_logprobs":2,"user_id":"u","unknown":{"is":"ignored"},
          "tools":[],"response_format":{"type":"text"}})",
      kVocab);
  ASSERT_TRUE(chat) << chat.error().message;
  ASSERT_EQ(chat->messages.size(), 4u);
  EXPECT_EQ(chat->messages[0].role, Role::kSystem);
  EXPECT_EQ(chat->messages[1].content, "ab");
  EXPECT_EQ(chat->messages[2].content, "");
  EXPECT_FALSE(chat->continues_last);
  const GenerationSettings& settings = chat->settings;
  EXPECT_FLOAT_EQ(settings.sampling.temperature, 0.5f);
  EXPECT_EQ(settings.sampling.top_k, 0);
  EXPECT_EQ(settings.sampling.seed, static_cast<std::uint64_t>(-3));
  EXPECT_EQ(settings.sampling.top_logprobs, 2);
  ASSERT_EQ(settings.sampling.logit_bias.size(), 1u);
  EXPECT_EQ(settings.sampling.logit_bias[0].first, 3);
  EXPECT_EQ(settings.max_tokens, 9);
  EXPECT_EQ(settings.stop, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(settings.is_stream);
  EXPECT_TRUE(settings.includes_usage);
  EXPECT_EQ(settings.user, "u");
}

TEST(ChatRequest, ContinuesAnAssistantsPrefix) {
  const ApiResult<ChatRequest> chat = ParseChatRequest(
      R"({"model":"m","messages":[{"role":"user","content":"a"},
          {"role":"assistant","content":"b","prefix":true}]})",
      kVocab);
  ASSERT_TRUE(chat);
  EXPECT_TRUE(chat->continues_last);
  const ApiResult<ChatRequest> wrong = ParseChatRequest(
      R"({"model":"m","messages":[{"role":"user","content":"a","prefix":true}]})", kVocab);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().param, "messages[0].prefix");
}

TEST(ChatRequest, HasDefaultsOfItsOwn) {
  const ApiResult<ChatRequest> chat = ParseChatRequest(
      R"({"model":"m","messages":[{"role":"user","content":""}],"temperature":null,"n":null})",
      kVocab);
  ASSERT_TRUE(chat);
  EXPECT_FLOAT_EQ(chat->settings.sampling.temperature, 1.0f);
  EXPECT_EQ(chat->settings.n, 1);
  EXPECT_EQ(chat->settings.max_tokens, std::nullopt);
  EXPECT_EQ(chat->settings.sampling.top_logprobs, -1);
}

}  // namespace
}  // namespace holdfast::api
