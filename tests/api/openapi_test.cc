// Every operation of /openapi.json is there, and answers as the document says.
#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "api/running_service.h"

namespace holdfast::testing {
namespace {

// Operations that anyone may ask for, with an example that is answered with success.
const std::set<std::string> kOpen = {
    "createChatCompletion", "createCompletion", "listModels", "getModel",     "health", "metrics",
    "listEngines",          "openapi",          "me",         "registration", "service"};

std::string RequestOf(std::string_view method, std::string path) {
  const std::size_t variable = path.find('{');
  if (variable != std::string::npos) {
    path = path.substr(0, variable) + "tiny" + path.substr(path.find('}') + 1);
  }
  std::string verb(method);
  for (char& c : verb) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (verb == "GET" || verb == "DELETE") {
    return fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", verb, path);
  }
  std::string body = "{}";
  if (path.ends_with("/chat/completions")) body = ChatBody(R"("max_tokens":2)");
  if (path == "/v1/completions") body = R"({"prompt":"a","max_tokens":2})";
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      verb, path, body.size(), body);
}

// A method that the path does not have.
std::string_view WrongMethod(const json::Object& item) {
  for (const std::string_view method : {"put", "delete", "patch"}) {
    if (!item.contains(method)) return method;
  }
  return "trace";
}

TEST(OpenApi, DescribesEveryOperationAsItAnswers) {
  RunningService running;
  const json::Value document = Get(running.port, "/openapi.json").Json();
  ASSERT_TRUE(document.is_object());
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  std::set<std::string> ids;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      const std::string id(operation.at("operationId").as_string());
      SCOPED_TRACE(id);
      EXPECT_TRUE(ids.insert(id).second) << "an id twice";
      Connection connection(running.port);
      connection.Send(RequestOf(method, std::string(path)));
      const Response response = connection.Read();
      const json::Object& responses = operation.at("responses").as_object();
      const auto described = responses.find(std::to_string(response.status));
      ASSERT_NE(described, responses.end()) << response.status << " " << response.body;
      if (kOpen.contains(id)) {
        EXPECT_EQ(response.status, 200) << response.body;
        const std::string type = response.headers.at("content-type");
        EXPECT_TRUE(described->value().at("content").as_object().contains(
            std::string_view(type).substr(0, type.find(';'))))
            << type;
      }
      // A wrong method is refused with those that are right.
      Connection other(running.port);
      other.Send(RequestOf(WrongMethod(item.as_object()), std::string(path)));
      const Response wrong = other.Read();
      EXPECT_EQ(wrong.status, 405);
      EXPECT_FALSE(wrong.headers.at("allow").empty());
    }
  }
  EXPECT_TRUE(std::ranges::includes(ids, kOpen));
  EXPECT_TRUE(ids.contains("register"));
  EXPECT_TRUE(ids.contains("listAccounts"));
}

}  // namespace
}  // namespace holdfast::testing
