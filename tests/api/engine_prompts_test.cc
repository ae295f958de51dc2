// The engine process over real sockets: prompts as long as the context, and longer ones.
#include <string>

#include <gtest/gtest.h>

#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

constexpr int kLongContext = 1 << 20;

std::string Completion(std::size_t prompt_bytes, std::string_view more) {
  return fmt::format(R"({{"prompt":"{}",{}{}}})", std::string(prompt_bytes, 'a'), kNoEnd, more);
}

// The whole of the work for a long prompt lies between the last byte of its body and its answer.
// Without threads for it, whoever comes in that time is answered after it; a busy machine may also
// be late, so one of several tries has to show it.
TEST(EnginePrompts, AMaximalPromptHoldsUpNeitherHealthNorStreams) {
  RunningEngine engine({"HOLDFAST_ENGINE_CACHE_MIB=1024"}, kLongContext);
  Connection stream(engine.port());
  stream.Send(PostText("/v1/chat/completions",
                       ChatBody(kNoEnd + R"(,"max_tokens":4096,"n":8,"stream":true)")));
  ASSERT_TRUE(stream.ReadUntil("\"content\":"));
  const std::string text(1'000'000, 'a');
  const std::string request = PostText("/tokenize", fmt::format(R"({{"content":"{}"}})", text));
  bool was_answered_before = false;
  for (int round = 0; round < 5 && !was_answered_before; ++round) {
    Connection tokenizing(engine.port());
    tokenizing.Send(std::string_view(request).substr(0, request.size() - 1));
    // After these the process has read what was sent.
    for (int i = 0; i < 100; ++i) ASSERT_EQ(Get(engine.port(), "/health").status, 200);
    tokenizing.Send(request.substr(request.size() - 1));
    const bool is_healthy = Get(engine.port(), "/health").status == 200;
    const std::size_t read = stream.pending().size();
    while (stream.pending().size() == read && stream.ReadMore()) {
    }
    was_answered_before = is_healthy && stream.pending().size() > read && !tokenizing.HasInput();
    const Response response = tokenizing.Read();
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_TRUE(response.body.starts_with(R"({"count":1000000,)"));
  }
  EXPECT_TRUE(was_answered_before);
}

TEST(EnginePrompts, TextThatCannotFitIsRefusedWithTheNumbers) {
  RunningEngine engine({"HOLDFAST_HTTP_BODY_MIB_MAX=4"});
  const std::string text(4'000'000, 'a');
  const struct {
    const char* path;
    std::string body;
  } cases[] = {
      {"/v1/completions", Completion(text.size(), "")},
      {"/v1/chat/completions",
       fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})", text)},
      {"/tokenize", fmt::format(R"({{"content":"{}"}})", text)},
      {"/tokenize", fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})", text)},
      // Few enough bytes, but with what the template adds too many tokens.
      {"/v1/chat/completions", fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})",
                                           text.substr(0, kTinyContext))},
      {"/v1/completions", Completion(kTinyContext, "")},
  };
  for (const auto& c : cases) {
    const Response response = Post(engine.port(), c.path, c.body);
    EXPECT_EQ(response.status, 400) << c.path;
    EXPECT_EQ(response.Error("reason"), "context_too_long") << c.path;
    EXPECT_EQ(response.Error("code"), "context_length_exceeded") << c.path;
    EXPECT_NE(response.Error("message").find("4096"), std::string::npos) << response.body;
  }
  EXPECT_EQ(Post(engine.port(), "/v1/completions", Completion(4000, R"(,"max_tokens":1)")).status,
            200);
}

}  // namespace
}  // namespace holdfast::testing
