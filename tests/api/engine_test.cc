// The engine process over real sockets: the public API's requests, answers and refusals.
#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

class EngineApi : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ =
        new RunningEngine({"HOLDFAST_HTTP_HEAD_SECONDS_MAX=1", "HOLDFAST_HTTP_BODY_SECONDS_MAX=1",
                           "HOLDFAST_HTTP_BODY_MIB_MAX=1"});
  }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }
  static int port() { return engine_->port(); }

  static RunningEngine* engine_;
};
RunningEngine* EngineApi::engine_ = nullptr;

struct WireCase {
  const char* name;
  std::string request;
  int status;
};

TEST_F(EngineApi, AnswersMalformedRequestsWithTheRightStatus) {
  const std::string many_headers = [] {
    std::string text = "GET /health HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 200; ++i) text += fmt::format("a{}: b\r\n", i);
    return text + "\r\n";
  }();
  const std::string post = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n";
  const std::string json_type = "Content-Type: application/json\r\n";
  const std::vector<WireCase> cases = {
      {"not HTTP", "hello there\r\n\r\n", 400},
      {"no target", "GET\r\n\r\n", 400},
      {"bad header", "GET /health HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"space in a header's name", "GET /health HTTP/1.1\r\nHost: a\r\nx : b\r\n\r\n", 400},
      {"no host", "GET /health HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"broken escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"escaped NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target without slash", "GET health HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"unknown version", "GET /health HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"unknown method", "BREW /health HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"unknown path", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404},
      {"wrong method", "DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"GET of a POST", "GET /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"long target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"long target without end", "GET /" + std::string(30'000, 'a'), 414},
      {"long header",
       "GET /health HTTP/1.1\r\nHost: a\r\nx: " + std::string(30'000, 'a') + "\r\n\r\n", 431},
      {"many headers", many_headers, 431},
      {"no length", post + json_type + "\r\n", 411},
      {"no type", post + "Content-Length: 2\r\n\r\n{}", 415},
      {"a form", post + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415},
      {"compressed body",
       post + json_type + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415},
      {"length and chunked",
       post + json_type + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400},
      {"two lengths", post + json_type + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
      {"negative length", post + json_type + "Content-Length: -2\r\n\r\n{}", 400},
      {"length not a number", post + json_type + "Content-Length: 2a\r\n\r\n{}", 400},
      {"unknown coding", post + json_type + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"unknown expectation", post + json_type + "Content-Length: 2\r\nExpect: a-miracle\r\n\r\n{}",
       417},
      {"huge length", post + json_type + "Content-Length: 99999999999\r\n\r\n{}", 413},
      {"bad chunk", post + json_type + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"slow head", "GET /health HTTP/1.1\r\n", 408},
      {"slow body", post + json_type + "Content-Length: 20\r\n\r\n{", 408},
  };
  for (const WireCase& c : cases) {
    Connection connection(port());
    connection.Send(c.request);
    const Response response = connection.Read();
    EXPECT_EQ(response.status, c.status) << c.name << ": " << response.body;
    EXPECT_FALSE(response.Error("message").empty()) << c.name;
    EXPECT_FALSE(response.Error("reason").empty()) << c.name;
    EXPECT_FALSE(response.headers.find("x-request-id") == response.headers.end()) << c.name;
    EXPECT_EQ(response.headers.contains("allow"), c.status == 405) << c.name;
  }
  // All of that cost the service nothing.
  EXPECT_EQ(Get(port(), "/health").status, 200);
}

TEST_F(EngineApi, RefusesABodyOverTheLimitInChunksToo) {
  Connection connection(port());
  connection.Send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  for (int i = 0; i < 20; ++i) connection.Send(chunk);
  EXPECT_EQ(connection.Read().status, 413);
}

struct FieldCase {
  const char* body;
  int status;
  const char* param;
};

TEST_F(EngineApi, ChecksEveryFieldOfAChat) {
  const std::string deep(5000, '[');
  const std::vector<FieldCase> cases = {
      {"", 411, ""},
      {"{", 400, ""},
      {"[]", 400, ""},
      {"nul", 400, ""},
      {deep.c_str(), 400, ""},
      {"{}", 400, "messages"},
      {R"({"model":3})", 400, "model"},
      {R"({"model":"tiny"})", 400, "messages"},
      {R"({"model":"tiny","messages":[]})", 400, "messages"},
      {R"({"model":"tiny","messages":{}})", 400, "messages"},
      {R"({"model":"tiny","messages":["hi"]})", 400, "messages[0]"},
      {R"({"model":"tiny","messages":[{"content":"hi"}]})", 400, "messages[0].role"},
      {R"({"model":"tiny","messages":[{"role":"king","content":"hi"}]})", 400, "messages[0].role"},
      {R"({"model":"tiny","messages":[{"role":"user"}]})", 400, "messages[0].content"},
      {R"({"model":"tiny","messages":[{"role":"user","content":3}]})", 400, "messages[0].content"},
      {R"({"model":"tiny","messages":[{"role":"user","content":[{"type":"image_url"}]}]})", 400,
       "messages[0].content[0].type"},
      {R"({"model":"other","messages":[{"role":"user","content":"hi"}]})", 404, "model"},
  };
  for (const FieldCase& c : cases) {
    const Response response = Post(port(), "/v1/chat/completions", c.body);
    const int status = std::string_view(c.body).empty() ? 400 : c.status;
    EXPECT_EQ(response.status, status) << c.body;
    EXPECT_EQ(response.Error("param"), c.param) << c.body;
  }
  const std::vector<FieldCase> fields = {
      {R"("temperature":-0.1)", 400, "temperature"},
      {R"("temperature":2.1)", 400, "temperature"},
      {R"("temperature":"hot")", 400, "temperature"},
      // No double holds it, so it is refused as JSON already, before any field is looked at.
      {R"("temperature":1e999)", 400, ""},
      {R"("top_p":1.5)", 400, "top_p"},
      {R"("min_p":-1)", 400, "min_p"},
      {R"("top_k":1.5)", 400, "top_k"},
      {R"("presence_penalty":3)", 400, "presence_penalty"},
      {R"("frequency_penalty":-3)", 400, "frequency_penalty"},
      {R"("repetition_penalty":0)", 400, "repetition_penalty"},
      {R"("seed":"a")", 400, "seed"},
      {R"("max_tokens":0)", 400, "max_tokens"},
      {R"("max_tokens":1.5)", 400, "max_tokens"},
      {R"("max_completion_tokens":-1)", 400, "max_completion_tokens"},
      {R"("n":9)", 400, "n"},
      {R"("n":0)", 400, "n"},
      {R"("stop":"")", 400, "stop"},
      {R"("stop":[1])", 400, "stop"},
      {R"("logit_bias":{"a":1})", 400, "logit_bias"},
      {R"("logit_bias":{"320":1})", 400, "logit_bias"},
      {R"("logit_bias":{"1":101})", 400, "logit_bias.1"},
      {R"("stream":"yes")", 400, "stream"},
      {R"("stream_options":{"include_usage":true})", 400, "stream_options"},
      {R"("top_logprobs":2)", 400, "top_logprobs"},
      {R"("logprobs":true,"top_logprobs":21)", 400, "top_logprobs"},
      {R"("tools":[{"type":"function"}])", 400, "tools"},
      {R"("response_format":{"type":"json_object"})", 400, "response_format.type"},
      {R"("user":5)", 400, "user"},
  };
  for (const FieldCase& c : fields) {
    const Response response = Post(port(), "/v1/chat/completions", ChatBody(c.body));
    EXPECT_EQ(response.status, c.status) << c.body << response.body;
    EXPECT_EQ(response.Error("param"), c.param) << c.body;
    EXPECT_EQ(response.Error("type"), "invalid_request_error") << c.body;
  }
}

TEST_F(EngineApi, AnswersAChatInOnePiece) {
  const Response response =
      Post(port(), "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":5,"seed":1)"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json::Object answer = response.Json().as_object();
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_EQ(answer.at("model"), "tiny");
  const json::Object& choice = answer.at("choices").at(0).as_object();
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("message").at("role"), "assistant");
  EXPECT_TRUE(choice.at("message").at("content").is_string());
  const json::Object& usage = answer.at("usage").as_object();
  EXPECT_EQ(usage.at("completion_tokens"), 5);
  EXPECT_GT(usage.at("prompt_tokens").as_int64(), 5);
  EXPECT_TRUE(response.headers.contains("x-holdfast-running"));
  EXPECT_TRUE(response.headers.contains("x-holdfast-blocks-free"));
}

TEST_F(EngineApi, StreamsAChatThatAddsUpToTheWholeAnswer) {
  const std::string fields = kNoEnd + R"(,"max_tokens":40,"seed":7)";
  const Response whole = Post(port(), "/v1/chat/completions", ChatBody(fields));
  const Response stream =
      Post(port(), "/v1/chat/completions",
           ChatBody(fields + R"(,"stream":true,"stream_options":{"include_usage":true})"));
  ASSERT_EQ(stream.status, 200);
  ASSERT_TRUE(stream.is_complete);
  EXPECT_TRUE(stream.headers.at("content-type").starts_with("text/event-stream"));
  const std::vector<json::Value> events = Events(stream.body);
  ASSERT_GE(events.size(), 5u);
  EXPECT_EQ(events.front().at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_EQ(events.front().at("object"), "chat.completion.chunk");
  EXPECT_TRUE(events.front().at("usage").is_null());
  EXPECT_EQ(events.back(), json::Value("[DONE]"));
  const json::Value& usage = events[events.size() - 2];
  EXPECT_TRUE(usage.at("choices").as_array().empty());
  EXPECT_EQ(usage.at("usage").at("completion_tokens"), 40);
  EXPECT_EQ(events[events.size() - 3].at("choices").at(0).at("finish_reason"), "length");
  std::string text;
  for (std::size_t i = 0; i + 2 < events.size(); ++i) {
    const json::Object& delta = events[i].at("choices").at(0).at("delta").as_object();
    if (delta.contains("content")) text += delta.at("content").as_string();
    EXPECT_EQ(events[i].at("id"), events.front().at("id"));
  }
  EXPECT_EQ(json::Value(text), whole.Json().at("choices").at(0).at("message").at("content"));
}

TEST_F(EngineApi, TellsTheUsageSoFarWithEveryEventWhereItIsAskedTo) {
  struct Case {
    const char* path;
    const char* options;
    int choices;
    bool has_end;  // An event with the usage alone.
  };
  const Case cases[] = {
      {"/v1/chat/completions", R"("continuous_usage_stats":true)", 1, false},
      {"/v1/chat/completions", R"("continuous_usage_stats":true,"include_usage":true)", 3, true},
      {"/v1/completions", R"("continuous_usage_stats":true,"include_usage":true)", 2, true},
  };
  constexpr std::int64_t kTokens = 12;
  for (const Case& one : cases) {
    const std::string fields =
        fmt::format(R"({},"max_tokens":{},"n":{},"stream":true,"stream_options":{{{}}})", kNoEnd,
                    kTokens, one.choices, one.options);
    const bool is_chat = std::string_view(one.path).find("chat") != std::string_view::npos;
    const Response stream =
        Post(port(), one.path,
             is_chat ? ChatBody(fields) : fmt::format(R"({{"prompt":"hello",{}}})", fields));
    ASSERT_EQ(stream.status, 200) << stream.body;
    std::vector<json::Value> events = Events(stream.body);
    ASSERT_EQ(events.back(), json::Value("[DONE]"));
    events.pop_back();
    EXPECT_EQ(events.back().at("choices").as_array().empty(), one.has_end) << stream.body;
    std::int64_t before = 0;
    for (const json::Value& event : events) {
      const json::Object& usage = event.at("usage").as_object();
      const std::int64_t prompt = usage.at("prompt_tokens").as_int64();
      const std::int64_t made = usage.at("completion_tokens").as_int64();
      EXPECT_EQ(usage.at("prompt_tokens"), events.back().at("usage").at("prompt_tokens"));
      EXPECT_EQ(usage.at("total_tokens"), prompt + made);
      EXPECT_TRUE(usage.at("prompt_tokens_details").at("cached_tokens").is_int64());
      EXPECT_GE(made, before) << "it never falls";
      before = made;
    }
    EXPECT_EQ(before, kTokens * one.choices);
    const bool is_role = is_chat && events.front().at("usage").at("completion_tokens") == 0;
    EXPECT_EQ(is_role, is_chat) << "the prompt is known before the first token";
  }
  const Response wrong =
      Post(port(), "/v1/chat/completions",
           ChatBody(R"("stream":true,"stream_options":{"continuous_usage_stats":1})"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.Error("param"), "stream_options.continuous_usage_stats");
}

TEST_F(EngineApi, MakesSeveralAnswersAtOnce) {
  const Response response =
      Post(port(), "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":8,"n":3,"seed":5)"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json::Value answer = response.Json();
  ASSERT_EQ(answer.at("choices").as_array().size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer.at("choices").at(i).at("index"), i);
  EXPECT_NE(answer.at("choices").at(0).at("message"), answer.at("choices").at(1).at("message"));
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 24);
}

TEST_F(EngineApi, GivesLogprobs) {
  const Response response = Post(
      port(), "/v1/chat/completions",
      ChatBody(kNoEnd + R"(,"max_tokens":4,"temperature":0,"logprobs":true,"top_logprobs":3)"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json::Value answer = response.Json();
  const json::Array& content = answer.at("choices").at(0).at("logprobs").at("content").as_array();
  ASSERT_EQ(content.size(), 4u);
  for (const json::Value& token : content) {
    EXPECT_LE(token.at("logprob").to_number<double>(), 0.0);
    ASSERT_EQ(token.at("top_logprobs").as_array().size(), 3u);
    // The likeliest token was taken.
    EXPECT_EQ(token.at("top_logprobs").at(0).at("token"), token.at("token"));
    EXPECT_EQ(token.at("bytes").as_array().size(), 1u);
  }
}

TEST_F(EngineApi, EndsAtAStopStringAndDoesNotShowIt) {
  const std::string fields = kNoEnd + R"(,"max_tokens":60,"temperature":0)";
  const json::Value whole = Post(port(), "/v1/chat/completions", ChatBody(fields)).Json();
  const std::string text(whole.at("choices").at(0).at("message").at("content").as_string());
  // Some whole character in the middle makes a stop string.
  std::size_t at = text.size() / 2;
  const auto is_inside = [&](std::size_t i) { return (text[i] & 0xC0) == 0x80; };
  while (is_inside(at)) --at;
  std::size_t end = at + 1;
  while (end < text.size() && is_inside(end)) ++end;
  const std::string stop = text.substr(at, end - at);
  const std::string stops = json::Write(json::Array{stop});
  const Response stopped =
      Post(port(), "/v1/chat/completions", ChatBody(fmt::format(R"({},"stop":{})", fields, stops)));
  ASSERT_EQ(stopped.status, 200) << stopped.body;
  const json::Value choice = stopped.Json().at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_EQ(choice.at("message").at("content"), json::Value(text.substr(0, text.find(stop))));
}

TEST_F(EngineApi, CompletesTextAndTokenIds) {
  const std::string fields = kNoEnd + R"(,"max_tokens":6,"temperature":0)";
  const Response text =
      Post(port(), "/v1/completions", R"({"model":"tiny","prompt":"ab",)" + fields + "}");
  ASSERT_EQ(text.status, 200) << text.body;
  EXPECT_EQ(text.Json().at("object"), "text_completion");
  // The same prompt as ids: BOS, 'a', 'b'.
  const Response ids =
      Post(port(), "/v1/completions", R"({"model":"tiny","prompt":[256,97,98],)" + fields + "}");
  EXPECT_EQ(text.Json().at("choices").at(0).at("text"), ids.Json().at("choices").at(0).at("text"));
  const Response echo = Post(port(), "/v1/completions",
                             R"({"model":"tiny","prompt":"ab","echo":true,)" + fields + "}");
  EXPECT_EQ("ab" + std::string(text.Json().at("choices").at(0).at("text").as_string()),
            std::string(echo.Json().at("choices").at(0).at("text").as_string()));
  const Response several =
      Post(port(), "/v1/completions",
           R"({"model":"tiny","prompt":["ab","cd"],"logprobs":2,)" + fields + "}");
  ASSERT_EQ(several.Json().at("choices").as_array().size(), 2u) << several.body;
  EXPECT_EQ(several.Json().at("choices").at(1).at("logprobs").at("tokens").as_array().size(), 6u);
  for (const char* bad : {"3", "[]", "[[]]", "[320]", "[-1]", "{}", "[1,\"a\"]", "null"}) {
    const Response response =
        Post(port(), "/v1/completions", fmt::format(R"({{"model":"tiny","prompt":{}}})", bad));
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_EQ(response.Error("param"), "prompt") << bad;
  }
}

TEST_F(EngineApi, RefusesAPromptOverTheContext) {
  const std::string long_text(kTinyContext + 10, 'a');
  const Response response =
      Post(port(), "/v1/completions", R"({"model":"tiny","prompt":")" + long_text + R"("})");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.Error("code"), "context_length_exceeded");
  EXPECT_EQ(response.Error("reason"), "context_too_long");
}

TEST_F(EngineApi, TokenizesThereAndBack) {
  const Response tokens = Post(port(), "/tokenize", R"({"content":"h\u00e9"})");
  ASSERT_EQ(tokens.status, 200) << tokens.body;
  EXPECT_EQ(tokens.Json().at("tokens"), (json::Array{104, 195, 169}));
  const Response text = Post(port(), "/detokenize", R"({"tokens":[104,195,169]})");
  EXPECT_EQ(text.Json().at("content"), "h\u00e9");
  EXPECT_EQ(Post(port(), "/detokenize", R"({"tokens":[999999]})").status, 400);
  EXPECT_EQ(Post(port(), "/tokenize", R"({})").status, 400);
}

TEST_F(EngineApi, ListsItsModel) {
  EXPECT_EQ(Get(port(), "/v1/models").Json().at("data").at(0).at("id"), "tiny");
  EXPECT_EQ(Get(port(), "/v1/models/tiny").Json().at("object"), "model");
  const Response missing = Get(port(), "/v1/models/other");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.Error("code"), "model_not_found");
}

TEST_F(EngineApi, ExposesItsMetrics) {
  const Response metrics = Get(port(), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("holdfast_engine_running"), std::string::npos);
  EXPECT_NE(metrics.body.find("holdfast_http_requests_total"), std::string::npos);
}

TEST_F(EngineApi, KeepsAConnectionAndAnswersPipelinedRequestsInOrder) {
  Connection connection(port());
  const std::string get = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";
  connection.Send(get + "GET /v1/models/other HTTP/1.1\r\nHost: a\r\n\r\n" +
                  PostText("/tokenize", R"({"content":"a"})") +
                  "HEAD /v1/models HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  EXPECT_EQ(connection.Read().status, 200);
  EXPECT_EQ(connection.Read().status, 404);
  EXPECT_EQ(connection.Read().Json().at("count"), 1);
  const Response head = connection.Read(/*is_head=*/true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.headers.at("content-length"), "0");
  EXPECT_EQ(connection.Read().status, 200);
}

TEST_F(EngineApi, SendsContinueBeforeTheBody) {
  Connection connection(port());
  connection.Send(
      "POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 15\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 100);
  connection.Send(R"({"content":"a"})");
  EXPECT_EQ(connection.Read().status, 200);
}

TEST_F(EngineApi, SpeaksHttp10) {
  Connection connection(port());
  connection.Send("GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 200);
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST_F(EngineApi, AClientThatLeavesFreesTheEngine) {
  for (const bool is_stream : {true, false}) {
    Connection connection(port());
    connection.Send(
        PostText("/v1/chat/completions",
                 ChatBody(fmt::format(R"({},"max_tokens":4000,"stream":{})", kNoEnd, is_stream))));
    if (is_stream) {
      ASSERT_TRUE(connection.ReadUntil("\"content\":"));
    }
    connection.Close();
    EXPECT_TRUE(BecomesIdle(port())) << is_stream;
  }
}

TEST(EngineProcess, RefusesWhenItsQueueIsFull) {
  RunningEngine engine({"HOLDFAST_ENGINE_QUEUE_MAX=1", "HOLDFAST_ENGINE_RUNNING_MAX=1"});
  const std::string body = ChatBody(kNoEnd + R"(,"max_tokens":4000,"stream":true)");
  Connection running(engine.port());
  running.Send(PostText("/v1/chat/completions", body));
  ASSERT_TRUE(running.ReadUntil("\"content\":"));
  Connection waiting(engine.port());
  waiting.Send(PostText("/v1/chat/completions", body));
  ASSERT_TRUE(waiting.ReadUntil("200 OK"));
  const Response refused = Post(engine.port(), "/v1/chat/completions", body);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Error("reason"), "queue_full");
  EXPECT_FALSE(refused.headers.at("retry-after").empty());
}

TEST(EngineProcess, CutsAnAnswerAtItsTimeLimitWithAReason) {
  RunningEngine engine({"HOLDFAST_ENGINE_ANSWER_SECONDS_MAX=1", "HOLDFAST_ENGINE_RUNNING_MAX=8"});
  // Eight long answers at once take more than a second on any machine.
  const std::string fields = kNoEnd + R"(,"max_tokens":4000,"n":8)";
  const Response stream =
      Post(engine.port(), "/v1/chat/completions", ChatBody(fields + R"(,"stream":true)"));
  ASSERT_EQ(stream.status, 200);
  EXPECT_TRUE(stream.is_complete);
  const std::vector<json::Value> events = Events(stream.body);
  ASSERT_FALSE(events.empty());
  ASSERT_TRUE(events.back().is_object()) << stream.body.substr(stream.body.size() - 300);
  EXPECT_EQ(events.back().at("error").at("reason"), "deadline_exceeded");
  const Response whole = Post(engine.port(), "/v1/chat/completions", ChatBody(fields));
  EXPECT_EQ(whole.status, 504);
  EXPECT_EQ(whole.Error("reason"), "deadline_exceeded");
}

TEST(EngineProcess, CutsOffAReaderThatDoesNotRead) {
  RunningEngine engine({"HOLDFAST_HTTP_WRITE_STALL_SECONDS_MAX=1"});
  Connection connection(engine.port());
  // Some megabytes of events: more than the sockets' buffers take.
  connection.Send(PostText("/v1/chat/completions",
                           ChatBody(kNoEnd + R"(,"max_tokens":4000,"n":8,"logprobs":true,
                                    "top_logprobs":20,"stream":true)")));
  EXPECT_TRUE(engine.service().WaitLog("slow_reader")) << engine.service().Log();
  EXPECT_TRUE(BecomesIdle(engine.port()));
}

TEST(EngineProcess, DrainsOnSigterm) {
  RunningEngine engine;
  Connection connection(engine.port());
  connection.Send(
      PostText("/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":300,"stream":true)")));
  ASSERT_TRUE(connection.ReadUntil("\"content\":"));
  engine.service().Signal(SIGTERM);
  // The answer under way comes to its end; then there is nobody.
  EXPECT_TRUE(connection.ReadUntil("[DONE]"));
  connection.Close();
  EXPECT_EQ(engine.service().WaitEnd(), 0) << engine.service().Log();
  EXPECT_EQ(Get(engine.port(), "/health").status, 0);
}

// Until the drain ends, whoever comes is told; what is still under way then is told as well, and
// the engine's thread is gone before those that it would tell.
TEST(EngineProcess, TellsBothThoseWhoComeAndThoseWhoAreLeftThatItDrains) {
  // More than any machine writes while it drains.
  RunningEngine engine(
      {"HOLDFAST_UP_DRAIN_SECONDS_MAX=1", "HOLDFAST_ENGINE_ANSWER_TOKENS_MAX=60000"},
      /*context=*/65'536);
  const std::string fields = kNoEnd + R"(,"max_tokens":60000,"n":8)";
  Connection left(engine.port());
  left.Send(PostText("/v1/chat/completions", ChatBody(fields + R"(,"stream":true)")));
  ASSERT_TRUE(left.ReadUntil("\"content\":"));
  engine.service().Signal(SIGTERM);
  ASSERT_TRUE(engine.service().WaitLog("draining"));
  Response response;
  do {
    response = Get(engine.port(), "/health");
    ASSERT_EQ(response.status, 200);
  } while (response.headers.at("x-holdfast-is-draining") == "false");
  EXPECT_EQ(response.Json().at("is_draining"), true);
  for (const char* path : {"/v1/chat/completions", "/tokenize"}) {
    const Response refused = Post(engine.port(), path, ChatBody(kNoEnd));
    EXPECT_EQ(refused.status, 503) << path << refused.body;
    EXPECT_EQ(refused.Error("reason"), "draining") << path;
  }
  EXPECT_TRUE(left.ReadUntil("\"reason\":\"draining\""));
  EXPECT_TRUE(left.ReadToEnd());
  EXPECT_EQ(engine.service().WaitEnd(), 0) << engine.service().Log();
}

}  // namespace
}  // namespace holdfast::testing
