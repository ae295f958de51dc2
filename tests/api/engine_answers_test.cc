// The engine process over real sockets: what is in an answer, and which answers are refused before
// any work.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

class EngineAnswers : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = new RunningEngine(); }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }
  static int port() { return engine_->port(); }

  static RunningEngine* engine_;
};
RunningEngine* EngineAnswers::engine_ = nullptr;

const std::string kNoModel = R"({"messages":[{"role":"user","content":"hello"}],)";

TEST_F(EngineAnswers, WhoNamesNoModelGetsTheOneThatIsServed) {
  const Response chat =
      Post(port(), "/v1/chat/completions", kNoModel + kNoEnd + R"(,"max_tokens":2})");
  EXPECT_EQ(chat.status, 200) << chat.body;
  EXPECT_EQ(chat.Json().at("model"), "tiny");
  EXPECT_EQ(Post(port(), "/v1/completions", R"({"prompt":"a","max_tokens":2})").status, 200);
  EXPECT_EQ(Post(port(), "/v1/completions", R"({"model":null,"prompt":"a"})").status, 200);
  for (const char* path : {"/v1/chat/completions", "/v1/completions", "/tokenize"}) {
    const Response unknown =
        Post(port(), path,
             R"({"model":"other","prompt":"a","messages":[{"role":"user","content":"a"}]})");
    EXPECT_EQ(unknown.status, 404) << path;
    EXPECT_EQ(unknown.Error("reason"), "model_not_found") << path;
  }
}

json::Value Cached(const json::Value& usage) {
  return usage.at("prompt_tokens_details").at("cached_tokens");
}

// Usage is of the whole answer, and the same whatever ended it.
TEST_F(EngineAnswers, CountsCachedTokensHoweverTheAnswerEnds) {
  const std::string prompt(300, 'p');
  const auto ask = [&](std::string_view more) {
    const Response response =
        Post(port(), "/v1/completions",
             fmt::format(R"({{"prompt":"{}","temperature":0,"max_tokens":20,{}{}}})", prompt,
                         kNoEnd, more));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.Json();
  };
  ask("");
  const json::Value to_end = ask("");
  ASSERT_GT(Cached(to_end.at("usage")).as_int64(), 0);
  std::string text(to_end.at("choices").at(0).at("text").as_string());
  std::size_t end = 1;
  while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  const std::string stop =
      fmt::format(R"(,"stop":{})", json::Write(json::Value(text.substr(0, end))));
  const json::Value stopped = ask(stop);
  EXPECT_EQ(stopped.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(Cached(stopped.at("usage")), Cached(to_end.at("usage")));
  EXPECT_EQ(stopped.at("usage").at("prompt_tokens"), to_end.at("usage").at("prompt_tokens"));
}

// A model of single bytes. The first byte of a character and those that go on with it are at one
// offset; what comes after a character that was left unfinished is behind its U+FFFD.
TEST_F(EngineAnswers, TextOffsetsCountCharacters) {
  // Each is taken once, in this order, as what was taken is made ten times less likely.
  const std::string body = R"({"prompt":"a","temperature":0,"max_tokens":6,"logprobs":1,
      "logit_bias":{"195":100,"169":90,"120":80,"230":70,"156":60,"121":50},
      "repetition_penalty":10,"stream":)";
  const Response whole = Post(port(), "/v1/completions", body + "false}");
  ASSERT_EQ(whole.status, 200) << whole.body;
  const json::Value choice = whole.Json().at("choices").at(0);
  ASSERT_EQ(choice.at("text"), "\u00E9x\uFFFDy");
  const json::Array wanted = {0, 0, 1, 2, 2, 3};
  EXPECT_EQ(choice.at("logprobs").at("text_offset"), wanted);
  const Response stream = Post(port(), "/v1/completions", body + "true}");
  json::Array streamed;
  for (const json::Value& event : Events(stream.body)) {
    if (!event.is_object()) continue;
    const json::Value& logprobs = event.at("choices").at(0).at("logprobs");
    for (const json::Value& offset : logprobs.at("text_offset").as_array()) {
      streamed.push_back(offset);
    }
  }
  EXPECT_EQ(streamed, wanted);
}

TEST_F(EngineAnswers, ContinuesTheLastMessageAsPrefixDoes) {
  const auto tokens = [&](std::string_view last, std::string_view more) {
    const Response response = Post(port(), "/tokenize",
                                   fmt::format(R"({{"messages":[{{"role":"user","content":"q"}},
                      {{"role":"assistant","content":"The ans"{}}}]{}}})",
                                               last, more));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.Json().at("tokens");
  };
  const json::Value prefix = tokens(R"(,"prefix":true)", "");
  EXPECT_NE(prefix, tokens("", ""));
  EXPECT_EQ(prefix, tokens("", R"(,"continue_final_message":true,"add_generation_prompt":false)"));
  EXPECT_EQ(prefix, tokens("", R"(,"continue_final_message":true)"));
  EXPECT_EQ(tokens("", ""), tokens("", R"(,"add_generation_prompt":true)"));
}

TEST_F(EngineAnswers, RefusesToContinueWhatIsNoBeginningOfAnAnswer) {
  const struct {
    const char* fields;
    const char* param;
  } cases[] = {
      {R"("continue_final_message":1)", "continue_final_message"},
      {R"("continue_final_message":true)", "continue_final_message"},
      {R"("continue_final_message":true,"add_generation_prompt":true)", "continue_final_message"},
      {R"("add_generation_prompt":false)", "add_generation_prompt"},
  };
  for (const auto& c : cases) {
    for (const char* path : {"/v1/chat/completions", "/tokenize"}) {
      const Response response = Post(port(), path, ChatBody(c.fields));
      EXPECT_EQ(response.status, 400) << c.fields;
      EXPECT_EQ(response.Error("param"), c.param) << c.fields << path;
    }
  }
}

TEST_F(EngineAnswers, RefusesBeforeTheWorkWhatAnAnswerInOnePieceCannotHold) {
  const std::string large = kNoEnd + R"(,"max_tokens":4000,"logprobs":true,"top_logprobs":20)";
  const Response refused = Post(port(), "/v1/chat/completions", ChatBody(large + R"(,"n":8)"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.Error("param"), "top_logprobs");
  for (const char* field : {"'n'", "'max_tokens'", "'top_logprobs'", "'stream'"}) {
    EXPECT_NE(refused.Error("message").find(field), std::string::npos) << field;
  }
  // As a stream it is no matter; and a small one is not refused.
  Connection stream(port());
  stream.Send(PostText("/v1/chat/completions", ChatBody(large + R"(,"n":8,"stream":true)")));
  EXPECT_TRUE(stream.ReadUntil("200 OK"));
  stream.Close();
  const Response small =
      Post(port(), "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":400,"logprobs":true,
                                       "top_logprobs":20,"n":2)"));
  ASSERT_EQ(small.status, 200);
  const json::Value choices = small.Json().at("choices");
  for (const json::Value& choice : choices.as_array()) {
    EXPECT_EQ(choice.at("logprobs").at("content").as_array().size(), 400u);
  }
}

TEST_F(EngineAnswers, TellsItsLoadInHealthAndHeaders) {
  const Response response = Get(port(), "/health");
  const json::Object health = response.Json().as_object();
  EXPECT_EQ(health.at("sequences_max"), 64);
  EXPECT_EQ(health.at("is_draining"), false);
  EXPECT_TRUE(health.at("tokens_per_s").is_number());
  EXPECT_EQ(response.headers.at("x-holdfast-sequences-max"), "64");
  EXPECT_EQ(response.headers.at("x-holdfast-is-draining"), "false");
  EXPECT_TRUE(response.headers.contains("x-holdfast-tokens-per-s"));
}

// All of `n` or none: two of three places are not enough, and nothing of it runs.
TEST(EngineQueue, SeveralAnswersAreQueuedTogetherOrRefused) {
  RunningEngine engine({"HOLDFAST_ENGINE_QUEUE_MAX=3", "HOLDFAST_ENGINE_RUNNING_MAX=1"});
  const auto body = [](int n) {
    return ChatBody(kNoEnd + fmt::format(R"(,"max_tokens":4000,"stream":true,"n":{})", n));
  };
  Connection running(engine.port());
  running.Send(PostText("/v1/chat/completions", body(1)));
  ASSERT_TRUE(running.ReadUntil("\"content\":\"\""));
  ASSERT_TRUE(running.ReadUntil("data: "));
  const Response refused = Post(engine.port(), "/v1/chat/completions", body(4));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Error("reason"), "queue_full");
  EXPECT_EQ(Get(engine.port(), "/health").Json().at("waiting"), 0);
}

}  // namespace
}  // namespace holdfast::testing
