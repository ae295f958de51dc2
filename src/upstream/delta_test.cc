#include "upstream/delta.h"

#include <gtest/gtest.h>

#include "upstream/json_scan.h"

namespace holdfast::upstream {
namespace {

TEST(JsonScan, TakesWhatIsStrictJsonAndNothingElse) {
  struct Case {
    std::string_view text;
    bool is_json;
  };
  const Case cases[] = {
      {"{}", true},          {" [1, -0.5e+3, \"a\\u00e9\\n\", null, true, {\"a\":[]}] ", true},
      {"0", true},           {"", false},
      {"{", false},          {"{\"a\"}", false},
      {"{\"a\":1,}", false}, {"[1,]", false},
      {"01", false},         {"1.", false},
      {"1e", false},         {"-", false},
      {"tru", false},        {"\"a\nb\"", false},
      {"\"\\x\"", false},    {"\"\\u12g4\"", false},
      {"\"open", false},     {"{} {}", false},
      {"{a:1}", false},
  };
  for (const Case& one : cases) {
    JsonScan scan(one.text);
    EXPECT_EQ(scan.Skip() && scan.IsAtEnd(), one.is_json) << one.text;
  }
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_FALSE(JsonScan(deep).Skip());
  EXPECT_TRUE(JsonScan(std::string_view(deep).substr(1, 128)).Skip());
}

TEST(ReadEvent, SeesWhatAChunkIs) {
  struct Case {
    const char* name;
    std::string_view data;
    bool is_opening;
    bool is_usage_only;
    std::size_t text_count;
    std::string_view finish;
    bool is_error;
  };
  const Case cases[] = {
      {"role", R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})", true,
       false, 0, "", false},
      {"null content", R"({"choices":[{"index":0,"delta":{"content":null}}],"usage":null})", true,
       false, 0, "", false},
      {"text", R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]})", false,
       false, 1, "", false},
      {"completion", R"({"choices":[{"index":0,"text":"a"}]})", false, false, 1, "", false},
      {"thought", R"({"choices":[{"index":0,"delta":{"reasoning_content":"a"}}]})", false, false, 1,
       "", false},
      {"thought of others", R"({"choices":[{"index":0,"delta":{"reasoning":"a"}}]})", false, false,
       1, "", false},
      {"call", R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]})", false, false, 1,
       "", false},
      {"two choices",
       R"({"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]})",
       false, false, 2, "", false},
      {"finish", R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})", false, false, 0,
       "stop", false},
      {"usage", R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}})", false, true,
       0, "", false},
      {"role and usage so far",
       R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":3,"completion_tokens":0}})", true,
       false, 0, "", false},
      {"no text and a token",
       R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":3,"completion_tokens":1}})", false,
       false, 0, "", false},
      {"error", R"({"error":{"message":"m","code":"c"}})", false, false, 0, "", true},
      {"error of a word", R"({"error":"m"})", false, false, 0, "", true},
      {"error as an object", R"({"object":"error","message":"m"})", false, false, 0, "", true},
      {"no error", R"({"error":null,"choices":[]})", false, false, 0, "", false},
  };
  for (const Case& one : cases) {
    const std::string raw = fmt::format("data: {}\n\n", one.data);
    const Result<Delta> delta = ReadEvent(raw);
    ASSERT_TRUE(delta) << one.name;
    EXPECT_EQ(delta->raw, raw);
    EXPECT_EQ(delta->data(), one.data) << one.name;
    EXPECT_EQ(delta->is_opening, one.is_opening) << one.name;
    EXPECT_EQ(delta->is_usage_only, one.is_usage_only) << one.name;
    EXPECT_EQ(delta->text_count, one.text_count) << one.name;
    EXPECT_EQ(delta->finishes.empty() ? "" : delta->finishes[0].reason, one.finish) << one.name;
    EXPECT_EQ(delta->error.has_value(), one.is_error) << one.name;
    EXPECT_FALSE(delta->is_done || delta->is_comment) << one.name;
    if (one.is_error) {
      EXPECT_EQ(delta->error->message, "m") << one.name;
    }
  }
}

TEST(ReadEvent, KnowsCommentsTheEndAndNamedErrors) {
  for (const char* const comment : {": keep-alive\n\n", "\n", ":\r\n\r\n", "event: ping\n\n"}) {
    const Result<Delta> delta = ReadEvent(comment);
    ASSERT_TRUE(delta) << comment;
    EXPECT_TRUE(delta->is_comment) << comment;
  }
  for (const char* const done : {"data: [DONE]\n\n", "data:[DONE]\r\n\r\n"}) {
    const Result<Delta> delta = ReadEvent(done);
    ASSERT_TRUE(delta) << done;
    EXPECT_TRUE(delta->is_done) << done;
  }
  const Result<Delta> error = ReadEvent("event: error\ndata: {\"message\":\"m\"}\n\n");
  ASSERT_TRUE(error);
  ASSERT_TRUE(error->error);
  EXPECT_EQ(error->error->message, "m");
}

TEST(ReadEvent, RefusesDataThatIsNoChunk) {
  for (const char* const data :
       {"hello", "[1]", "{\"choices\":{}}", "{\"choices\":[1]}", "{\"choices\":[]", "{} x"}) {
    EXPECT_FALSE(ReadEvent(fmt::format("data: {}\n\n", data))) << data;
  }
}

TEST(ReadEvent, CountsUsageInEveryDialect) {
  struct Case {
    std::string_view usage;
    std::optional<std::int64_t> cached;
    std::optional<std::int64_t> reasoning;
  };
  const Case cases[] = {
      {R"({"prompt_tokens":3,"completion_tokens":4,"total_tokens":7})", std::nullopt, std::nullopt},
      {R"({"prompt_tokens":3,"completion_tokens":4,"prompt_cache_hit_tokens":2})", 2, std::nullopt},
      {R"({"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1},)"
       R"("completion_tokens_details":{"reasoning_tokens":2}})",
       1, 2},
      {R"({"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":null})", std::nullopt,
       std::nullopt},
  };
  for (const Case& one : cases) {
    const Result<Delta> delta =
        ReadEvent(fmt::format("data: {{\"choices\":[],\"usage\":{}}}\n\n", one.usage));
    ASSERT_TRUE(delta) << one.usage;
    ASSERT_TRUE(delta->usage) << one.usage;
    EXPECT_EQ(delta->usage->prompt, 3);
    EXPECT_EQ(delta->usage->completion, 4);
    EXPECT_EQ(delta->usage->cached, one.cached) << one.usage;
    EXPECT_EQ(delta->usage->reasoning, one.reasoning) << one.usage;
  }
}

TEST(Delta, HidesUsageAndLeavesAllOtherBytes) {
  struct Case {
    std::string_view data;
    std::string_view without;
    std::string_view with_null;
  };
  const Case cases[] = {
      {R"({"usage":{"a":1},"id":"x","choices":[]})", R"({"id":"x","choices":[]})",
       R"({"usage":null,"id":"x","choices":[]})"},
      {R"({"id":"x","usage":{"a":{"b":1}},"choices":[]})", R"({"id":"x","choices":[]})",
       R"({"id":"x","usage":null,"choices":[]})"},
      {R"({"id":"x","choices":[],"usage":{}})", R"({"id":"x","choices":[]})",
       R"({"id":"x","choices":[],"usage":null})"},
      {R"({"usage":{"a":1}})", "{}", R"({"usage":null})"},
      {R"({ "usage" : { "a" : 1 } , "id" : 1 })", R"({ "id" : 1 })",
       R"({ "usage" : null , "id" : 1 })"},
      {R"({ "id" : 1 , "usage" : { "a" : "}" } })", R"({ "id" : 1  })",
       R"({ "id" : 1 , "usage" : null })"},
      {R"( { "usage" : {} } )", R"( {  } )", R"( { "usage" : null } )"},
      // None of these is the chunk's own.
      {R"({"choices":[{"usage":{"a":1}}],"x":{"usage":{}}})",
       R"({"choices":[{"usage":{"a":1}}],"x":{"usage":{}}})",
       R"({"choices":[{"usage":{"a":1}}],"x":{"usage":{}}})"},
      {R"({"choices":[{"delta":{"content":"\"usage\":{},"}}],"usage":{"a":1}})",
       R"({"choices":[{"delta":{"content":"\"usage\":{},"}}]})",
       R"({"choices":[{"delta":{"content":"\"usage\":{},"}}],"usage":null})"},
      {R"({"usages":{"a":1},"usage":null})", R"({"usages":{"a":1},"usage":null})",
       R"({"usages":{"a":1},"usage":null})"},
      {R"({"id":"x"})", R"({"id":"x"})", R"({"id":"x"})"},
  };
  for (const Case& one : cases) {
    for (const bool leaves_null : {false, true}) {
      Result<Delta> delta = ReadEvent(fmt::format("id: 7\ndata: {}\n\n", one.data));
      ASSERT_TRUE(delta) << one.data;
      const bool has_usage = delta->usage.has_value();
      delta->HideUsage(leaves_null);
      const std::string_view left = leaves_null ? one.with_null : one.without;
      EXPECT_EQ(delta->data(), left) << one.data;
      EXPECT_EQ(delta->raw, fmt::format("id: 7\ndata: {}\n\n", left)) << one.data;
      EXPECT_EQ(delta->usage.has_value(), has_usage) << "the counts stay known";
      delta->HideUsage(leaves_null);
      EXPECT_EQ(delta->data(), left) << "a second time has no effect";
      JsonScan scan(delta->data());
      EXPECT_TRUE(scan.Skip() && scan.IsAtEnd()) << delta->data();
    }
  }
}

TEST(Delta, KeepsUsageInAnEventOfSeveralLines) {
  const std::string raw = "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}\n\n";
  Result<Delta> delta = ReadEvent(raw);
  ASSERT_TRUE(delta);
  ASSERT_TRUE(delta->usage);
  delta->HideUsage(/*leaves_null=*/false);
  EXPECT_EQ(delta->raw, raw);
}

TEST(Delta, GivesTypedPartsWhenAsked) {
  const Result<Delta> delta = ReadEvent(
      "event: chunk\r\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\",\r\n"
      "data: \"content\":\"h\\u00e9\\n\",\"reasoning\":\"why\",\"tool_calls\":[{\"index\":2,"
      "\"id\":\"i\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]},"
      "\"finish_reason\":\"tool_calls\"}]}\r\n\r\n");
  ASSERT_TRUE(delta);
  const Result<std::vector<ChoiceDelta>> choices = delta->Choices();
  ASSERT_TRUE(choices);
  ASSERT_EQ(choices->size(), 1u);
  const ChoiceDelta& choice = choices->front();
  EXPECT_EQ(choice.index, 1);
  EXPECT_EQ(choice.role, "assistant");
  EXPECT_EQ(choice.text, "h\u00e9\n");
  EXPECT_EQ(choice.reasoning, "why");
  EXPECT_EQ(choice.finish, "tool_calls");
  ASSERT_EQ(choice.tool_calls.size(), 1u);
  EXPECT_EQ(choice.tool_calls[0].index, 2);
  EXPECT_EQ(choice.tool_calls[0].id, "i");
  EXPECT_EQ(choice.tool_calls[0].name, "f");
  EXPECT_EQ(choice.tool_calls[0].arguments, "{\"a\"");
}

TEST(ReadWhole, ReadsABodyAsOneDelta) {
  const Result<Delta> delta = ReadWhole(
      "\n\n{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
      "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}");
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->finishes.size(), 1u);
  EXPECT_EQ(delta->usage->completion, 1);
  const Result<std::vector<ChoiceDelta>> choices = delta->Choices();
  ASSERT_TRUE(choices);
  EXPECT_EQ(choices->at(0).text, "a");
  EXPECT_FALSE(ReadWhole("<html>"));
}

TEST(ReadError, ReadsTheErrorsOfEveryEngine) {
  struct Case {
    std::string_view body;
    std::string_view message;
    std::string_view code;
  };
  const Case cases[] = {
      {R"({"error":{"message":"m","type":"t","param":"p","code":"c","reason":"queue_full"}})", "m",
       "c"},
      {R"({"error":{"code":400,"message":"m"}})", "m", "400"},
      {R"({"object":"error","message":"m","code":404})", "m", "404"},
      {R"({"detail":"m"})", "m", ""},
      {R"({"error":"m"})", "m", ""},
  };
  for (const Case& one : cases) {
    const std::optional<EngineError> error = ReadError(one.body);
    ASSERT_TRUE(error) << one.body;
    EXPECT_EQ(error->message, one.message) << one.body;
    EXPECT_EQ(error->code, one.code) << one.body;
  }
  for (const std::string_view body : {"", "<html>", "[]", "{}", R"({"error":{}})"}) {
    EXPECT_FALSE(ReadError(body)) << body;
  }
}

}  // namespace
}  // namespace holdfast::upstream
