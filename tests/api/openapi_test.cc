// Every operation of /openapi.json is there, and answers as the document says.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "api/running_service.h"

namespace holdfast::testing {
namespace {

// A request that the operation should answer with 200.
std::string RequestOf(std::string_view method, std::string path) {
  const std::size_t variable = path.find('{');
  if (variable != std::string::npos) {
    path = path.substr(0, variable) + "tiny" + path.substr(path.find('}') + 1);
  }
  if (method == "get") return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  const std::string body = path.find("chat") != std::string::npos
                               ? ChatBody(R"("max_tokens":2)")
                               : R"({"prompt":"a","max_tokens":2})";
  return PostText(path, body);
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
      EXPECT_EQ(response.status, 200) << response.body;
      const json::Object& responses = operation.at("responses").as_object();
      const auto described = responses.find(std::to_string(response.status));
      ASSERT_NE(described, responses.end());
      const std::string type = response.headers.at("content-type");
      EXPECT_TRUE(described->value().at("content").as_object().contains(
          std::string_view(type).substr(0, type.find(';'))))
          << type;
      // A wrong method is refused with those that are right.
      Connection other(running.port);
      other.Send(fmt::format("DELETE {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                             path == "/v1/models/{id}" ? "/v1/models/x" : path));
      const Response wrong = other.Read();
      EXPECT_EQ(wrong.status, 405);
      EXPECT_FALSE(wrong.headers.at("allow").empty());
    }
  }
  EXPECT_EQ(ids,
            (std::set<std::string>{"createChatCompletion", "createCompletion", "listModels",
                                   "getModel", "health", "metrics", "listEngines", "openapi"}));
}

}  // namespace
}  // namespace holdfast::testing
