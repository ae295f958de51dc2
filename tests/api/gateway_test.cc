// The whole service over real sockets: gateway, supervisor, an engine that dies.
#include <csignal>
#include <cstdlib>
#include <memory>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "api/running_service.h"

namespace holdfast::testing {
namespace {

TEST(Gateway, ServesThePageWithStrictHeaders) {
  RunningService running;
  const Response page = Get(running.port, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(page.headers.at("content-type").starts_with("text/html"));
  EXPECT_NE(page.headers.at("content-security-policy").find("default-src 'none'"),
            std::string::npos);
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.headers.at("cache-control"), "no-cache");
  // The same page again costs no bytes.
  Connection connection(running.port);
  connection.Send(fmt::format("GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {}\r\n\r\n",
                              page.headers.at("etag")));
  EXPECT_EQ(connection.Read().status, 304);
  // Every file that the page names is there.
  for (std::size_t at = 0; (at = page.body.find("\"/assets/", at)) != std::string::npos; ++at) {
    const std::string path = page.body.substr(at + 1, page.body.find('"', at + 1) - at - 1);
    const Response asset = Get(running.port, path);
    EXPECT_EQ(asset.status, 200) << path;
    EXPECT_NE(asset.headers.at("cache-control").find("immutable"), std::string::npos) << path;
  }
  EXPECT_EQ(Get(running.port, "/../../etc/passwd").status, 404);
  EXPECT_EQ(Get(running.port, "/%2e%2e/%2e%2e/etc/passwd").status, 404);
  EXPECT_EQ(Get(running.port, "/tokenize").status, 404);
}

// Of answers and refusals of every kind, also of a connection that is not even read.
TEST(Gateway, EveryAnswerHasTheStrictHeaders) {
  constexpr std::size_t kConnectionsMax = 16;
  RunningService running({"HOLDFAST_GATEWAY_CONNECTIONS_PER_CLIENT_MAX=16"});
  const struct {
    std::string_view request;
    int status;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
      {"GET /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
      {"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
      {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
      {"GET /api/me/keys HTTP/1.1\r\nHost: localhost\r\n\r\n", 401},
      {"GET /assets/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
      {"GET /.git/config HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
      {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
      {"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
      {"nonsense\r\n\r\n", 400},
  };
  const auto check = [](const Response& response) {
    const auto at = [&](const char* name) {
      const auto found = response.headers.find(name);
      return found == response.headers.end() ? std::string() : found->second;
    };
    const std::string policy = at("content-security-policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << policy;
    EXPECT_NE(policy.find("base-uri 'none'"), std::string::npos) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
    EXPECT_EQ(at("x-content-type-options"), "nosniff");
    EXPECT_EQ(at("referrer-policy"), "no-referrer");
  };
  for (const auto& [request, status] : cases) {
    SCOPED_TRACE(request);
    Connection connection(running.port);
    connection.Send(request);
    const Response response = connection.Read();
    EXPECT_EQ(response.status, status) << response.body;
    check(response);
  }
  // One too many, whichever that is: those before may still be ending.
  std::vector<std::unique_ptr<Connection>> open;
  Response answer;
  answer.status = 200;
  while (answer.status == 200 && open.size() <= kConnectionsMax) {
    open.push_back(std::make_unique<Connection>(running.port));
    open.back()->Send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    answer = open.back()->Read();
  }
  EXPECT_EQ(answer.status, 429);
  check(answer);
}

// A line begins with a time that says its zone, and holds nothing that a client wrote.
TEST(Gateway, LogLinesSayTheirTimeZone) {
  RunningService running;
  EXPECT_EQ(Get(running.port, "/secret-path%0a?secret-query").status, 404);
  const auto line = running.service->WaitLog("GET none 404");
  ASSERT_TRUE(line) << running.service->Log();
  const std::string log = running.service->Log();
  const std::size_t at = log.rfind('\n', log.find("GET none 404")) + 1;
  const std::regex begin(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d info .*)");
  EXPECT_TRUE(std::regex_match(log.substr(at, log.find('\n', at) - at), begin)) << log.substr(at);
  EXPECT_EQ(log.find("secret"), std::string::npos) << log;
}

TEST(Gateway, RelaysAnswersAndRefusalsOfTheEngine) {
  RunningService running;
  EXPECT_EQ(Get(running.port, "/v1/models").Json().at("data").at(0).at("id"), "tiny");
  const Response chat =
      Post(running.port, "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":5)"));
  ASSERT_EQ(chat.status, 200) << chat.body;
  EXPECT_EQ(chat.Json().at("usage").at("completion_tokens"), 5);
  const Response stream = Post(running.port, "/v1/chat/completions",
                               ChatBody(kNoEnd + R"(,"max_tokens":5,"stream":true)"));
  EXPECT_TRUE(stream.is_complete);
  EXPECT_NE(stream.body.find("data: [DONE]\n\n"), std::string::npos);
  const Response refused = Post(running.port, "/v1/chat/completions",
                                R"({"model":"x","messages":[{"role":"user","content":""}]})");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.Error("reason"), "model_not_found");
  // Both name the request alike.
  EXPECT_EQ(refused.Error("request_id"), refused.headers.at("x-request-id"));
  EXPECT_EQ(Get(running.port, "/health").Json().at("engine").at("state"), "up");
}

TEST(Gateway, TellsOfAnEngineKilledInTheMiddleAndServesAgain) {
  RunningService running({"HOLDFAST_UP_RESTART_MS_MIN=50"});
  Connection stream(running.port);
  stream.Send(
      PostText("/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":4000,"stream":true)")));
  ASSERT_TRUE(stream.ReadUntil("\"content\":"));
  Connection whole(running.port);
  whole.Send(PostText("/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":4000)")));

  ASSERT_EQ(::kill(running.EnginePid(1), SIGKILL), 0);
  const Response cut = stream.Read();
  EXPECT_EQ(cut.status, 200);
  EXPECT_TRUE(cut.is_complete);
  const std::size_t last = cut.body.rfind("data: ");
  ASSERT_NE(last, std::string::npos);
  const Result<json::Value> event = json::Parse(cut.body.substr(last + 6));
  ASSERT_TRUE(event) << cut.body.substr(last);
  EXPECT_EQ(event->at("error").at("reason"), "engine_restarting");
  const Response refused = whole.Read();
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Error("reason"), "engine_restarting");
  EXPECT_FALSE(refused.headers.at("retry-after").empty());

  ASSERT_NE(running.EnginePid(2), 0);
  ASSERT_TRUE(running.service->WaitLog("serving 'tiny' on", 2)) << running.service->Log();
  EXPECT_EQ(
      Post(running.port, "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":5)")).status,
      200);
}

TEST(Gateway, SaysThatTheEngineIsDown) {
  Service gateway({"gateway", "--listen", "127.0.0.1:0", "--engine", "unix:/tmp/holdfast-no-such"},
                  {});
  const auto url = gateway.WaitLog("listening on http://");
  ASSERT_TRUE(url) << gateway.Log();
  const int port = PortIn(*url);
  const Response response = Post(port, "/v1/chat/completions", ChatBody(kNoEnd));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.Error("reason"), "engine_restarting");
  EXPECT_EQ(response.Error("type"), "server_error");
  EXPECT_EQ(Get(port, "/").status, 200);
}

TEST(Gateway, LimitsOneClient) {
  RunningService running({"HOLDFAST_GATEWAY_CONCURRENCY_PER_CLIENT_MAX=1",
                          "HOLDFAST_GATEWAY_CONNECTIONS_PER_CLIENT_MAX=3"});
  const std::string body = ChatBody(kNoEnd + R"(,"max_tokens":4000,"stream":true)");
  Connection first(running.port);
  first.Send(PostText("/v1/chat/completions", body));
  ASSERT_TRUE(first.ReadUntil("\"content\":"));
  Connection second(running.port);
  second.Send(PostText("/v1/chat/completions", body));
  const Response refused = second.Read();
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(refused.Error("reason"), "your_concurrency");
  EXPECT_FALSE(refused.headers.at("retry-after").empty());
  // Three connections are open; a fourth is refused before it is read.
  Connection third(running.port);
  third.Send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(third.Read().status, 200);
  Connection fourth(running.port);
  EXPECT_EQ(fourth.Read().status, 429);
}

TEST(Gateway, RefusesAtOnceWhoseTurnWouldComeTooLate) {
  RunningService running({"HOLDFAST_GATEWAY_CONCURRENCY_MAX=1", "HOLDFAST_GATEWAY_WAITING_MAX=1",
                          "HOLDFAST_GATEWAY_WAITING_SECONDS_MAX=1"});
  const std::string body = ChatBody(kNoEnd + R"(,"max_tokens":4000,"stream":true)");
  Connection first(running.port);
  first.Send(PostText("/v1/chat/completions", body));
  ASSERT_TRUE(first.ReadUntil("\"content\":"));
  Connection second(running.port);
  second.Send(PostText("/v1/chat/completions", body));
  const Response refused = second.Read();
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Error("side"), "service");
  EXPECT_FALSE(refused.headers.at("retry-after").empty());
  EXPECT_FALSE(refused.headers.at("retry-after-ms").empty());
  // The place is given on when its holder leaves.
  first.Close();
  Response served;
  for (int i = 0; i < 100 && served.status != 200; ++i) {
    served = Post(running.port, "/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":3)"));
  }
  EXPECT_EQ(served.status, 200) << served.body;
}

TEST(Gateway, AnswersItsOwnHostsAlone) {
  RunningService running({"HOLDFAST_GATEWAY_ALLOWED_HOSTS=chat.example"});
  const auto status = [&](std::string_view host, std::string_view path) {
    Connection connection(running.port);
    connection.Send(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, host));
    return connection.Read();
  };
  for (const char* host : {"localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "chat.example"}) {
    EXPECT_EQ(status(host, "/health").status, 200) << host;
  }
  for (const char* path : {"/health", "/metrics", "/v1/models", "/"}) {
    const Response refused = status("evil.example:8080", path);
    EXPECT_EQ(refused.status, 421) << path;
    EXPECT_EQ(refused.Error("reason"), "foreign_host") << path;
  }
}

TEST(Gateway, LetsPagesOfConfiguredOriginsCallTheApi) {
  RunningService running({"HOLDFAST_GATEWAY_CORS_ORIGINS=https://app.example"});
  const auto preflight = [&](std::string_view origin) {
    Connection connection(running.port);
    connection.Send(
        fmt::format("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: {}\r\n"
                    "Access-Control-Request-Method: POST\r\n"
                    "Access-Control-Request-Headers: content-type,authorization\r\n\r\n",
                    origin));
    return connection.Read();
  };
  const Response allowed = preflight("https://app.example");
  EXPECT_EQ(allowed.status / 100, 2) << allowed.body;
  EXPECT_EQ(allowed.headers.at("access-control-allow-origin"), "https://app.example");
  EXPECT_FALSE(allowed.headers.contains("access-control-allow-credentials"));
  const Response refused = preflight("https://other.example");
  EXPECT_EQ(refused.status, 403);
  EXPECT_FALSE(refused.headers.contains("access-control-allow-origin"));
}

TEST(Gateway, GivesItsMetricsToThisMachineAlone) {
  const std::string_view passed_on = "X-Forwarded-For: 192.0.2.7\r\n";
  const auto ask = [](std::vector<std::string> variables, std::string_view header) {
    RunningService running(std::move(variables));
    Connection connection(running.port);
    connection.Send(fmt::format("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{}\r\n", header));
    return connection.Read();
  };
  EXPECT_EQ(ask({}, "").status, 200);
  // Whoever it is that says so, the request is somebody else's.
  EXPECT_EQ(ask({}, passed_on).Error("reason"), "forbidden");
  // With a proxy in front, nobody is known to be this machine, by whichever name.
  for (const std::string_view header : {std::string_view{}, passed_on}) {
    EXPECT_EQ(ask({"HOLDFAST_GATEWAY_TRUSTED_PROXIES=127.0.0.1"}, header).status, 403);
  }
}

TEST(Gateway, GivesTheModelWhoseNameHasASlash) {
  TempFolder model;
  TempFolder run_dir;
  WriteTinyModel(model.path());
  Service service({"up", "--model", model.path(), "--name", "org/tiny", "--listen", "127.0.0.1:0"},
                  {"HOLDFAST_UP_RUN_DIR=" + run_dir.path().string()});
  const auto url = service.WaitLog("listening on http://");
  ASSERT_TRUE(url && service.WaitLog("serving 'org/tiny'")) << service.Log();
  const int port = PortIn(*url);
  for (int i = 0; i < 1000 && Get(port, "/v1/models").status != 200; ++i) {
  }
  for (const char* path : {"/v1/models/org/tiny", "/v1/models/org%2Ftiny"}) {
    const Response response = Get(port, path);
    EXPECT_EQ(response.status, 200) << path << response.body;
    EXPECT_EQ(response.Json().at("id"), "org/tiny");
  }
  EXPECT_EQ(Get(port, "/v1/models/org").Error("reason"), "model_not_found");
}

TEST(Gateway, PrintsItsPoolOfEngines) {
  RunningService running;
  Service status({"engine", "status", "--gateway", fmt::format("127.0.0.1:{}", running.port)}, {});
  EXPECT_EQ(status.WaitEnd(), 0) << status.Log();
  EXPECT_NE(status.Log().find("own"), std::string::npos) << status.Log();
  EXPECT_NE(status.Log().find("tiny"), std::string::npos) << status.Log();
}

TEST(Supervisor, EndsInOrderOnSigterm) {
  RunningService running;
  Connection stream(running.port);
  stream.Send(
      PostText("/v1/chat/completions", ChatBody(kNoEnd + R"(,"max_tokens":300,"stream":true)")));
  ASSERT_TRUE(stream.ReadUntil("\"content\":"));
  const pid_t engine = running.EnginePid(1);
  running.service->Signal(SIGTERM);
  EXPECT_TRUE(stream.ReadUntil("[DONE]"));
  stream.Close();
  EXPECT_EQ(running.service->WaitEnd(), 0) << running.service->Log();
  EXPECT_NE(::kill(engine, 0), 0);
}

TEST(Supervisor, GivesUpOnAWrongConfiguration) {
  TempFolder run_dir;
  Service service({"up", "--model", "/nowhere/model.gguf", "--listen", "127.0.0.1:0"},
                  {"HOLDFAST_UP_RUN_DIR=" + run_dir.path().string()});
  EXPECT_NE(service.WaitEnd().value_or(0), 0);
  EXPECT_NE(service.Log().find("/nowhere/model.gguf"), std::string::npos) << service.Log();
}

}  // namespace
}  // namespace holdfast::testing
