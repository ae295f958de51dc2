#include "http/router.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

Router MakeRouter() {
  Router router;
  router.Add({.method = Method::kGet, .pattern = "/v1/models"});
  router.Add({.method = Method::kGet, .pattern = "/v1/models/{id}"});
  router.Add({.method = Method::kGet, .pattern = "/v1/models/special"});
  router.Add({.method = Method::kPost, .pattern = "/v1/chat/completions"});
  router.Add({.method = Method::kGet, .pattern = "/assets/*"});
  return router;
}

TEST(Router, FindsTheRouteOfMethodAndPath) {
  const Router router = MakeRouter();
  struct Case {
    Method method;
    const char* path;
    std::size_t route;
  };
  for (const Case& c :
       {Case{Method::kGet, "/v1/models", 0}, Case{Method::kHead, "/v1/models", 0},
        Case{Method::kGet, "/v1/models/x", 1}, Case{Method::kGet, "/v1/models/special", 2},
        Case{Method::kPost, "/v1/chat/completions", 3}, Case{Method::kGet, "/assets/a/b.js", 4}}) {
    const auto found = router.Find(c.method, c.path);
    ASSERT_TRUE(std::holds_alternative<Router::Found>(found)) << c.path;
    EXPECT_EQ(std::get<Router::Found>(found).route, c.route) << c.path;
  }
}

TEST(Router, GivesTheVariableSegment) {
  const Router router = MakeRouter();
  const auto found = router.Find(Method::kGet, "/v1/models/my-model");
  EXPECT_EQ(std::get<Router::Found>(found).params.at("id"), "my-model");
}

TEST(Router, TakesARestWithSlashesPlainOrEscaped) {
  Router router;
  router.Add({.method = Method::kGet, .pattern = "/v1/models/{id*}"});
  router.Add({.method = Method::kGet, .pattern = "/files/{name}"});
  const std::pair<const char*, const char*> cases[] = {
      {"/v1/models/org/model", "org/model"},
      {"/v1/models/org%2Fmodel", "org/model"},
      {"/v1/models/org%2fmodel%3Alatest", "org/model:latest"},
      {"/v1/models/one", "one"},
      {"/v1/%6Dodels/a%2520b", "a%20b"},
  };
  for (const auto& [path, id] : cases) {
    const auto found = router.Find(Method::kGet, path);
    ASSERT_TRUE(std::holds_alternative<Router::Found>(found)) << path;
    EXPECT_EQ(std::get<Router::Found>(found).params.at("id"), id);
  }
  const auto file = router.Find(Method::kGet, "/files/a%2Fb");
  EXPECT_EQ(std::get<Router::Found>(file).params.at("name"), "a/b");
  for (const char* path : {"/v1/models/", "/v1%2Fmodels/a", "/files/a/b", "/files%2Fa"}) {
    EXPECT_TRUE(std::holds_alternative<Router::NoRoute>(router.Find(Method::kGet, path))) << path;
  }
}

// A pattern without variables wins only where it serves the method.
TEST(Router, AFixedPathOfAnotherMethodHidesNoPattern) {
  Router router;
  router.Add({.method = Method::kGet, .pattern = "/items/{id}"});
  router.Add({.method = Method::kPost, .pattern = "/items/all"});
  router.Add({.method = Method::kDelete, .pattern = "/items/all"});
  const auto route_of = [&](Method method) {
    return std::get<Router::Found>(router.Find(method, "/items/all")).route;
  };
  EXPECT_EQ(route_of(Method::kGet), 0u);
  EXPECT_EQ(route_of(Method::kPost), 1u);
  EXPECT_EQ(route_of(Method::kDelete), 2u);
  const auto put = router.Find(Method::kPut, "/items/all");
  EXPECT_EQ(std::get<Router::WrongMethod>(put).allow, "GET, HEAD, POST, DELETE");
}

TEST(Router, TellsAWrongMethodFromAnUnknownPath) {
  const Router router = MakeRouter();
  const auto post = router.Find(Method::kPost, "/v1/models");
  ASSERT_TRUE(std::holds_alternative<Router::WrongMethod>(post));
  EXPECT_EQ(std::get<Router::WrongMethod>(post).allow, "GET, HEAD");
  for (const char* path : {"/", "/v1", "/v1/models/", "/v1/models/a/b", "/nothing", "*", ""}) {
    EXPECT_TRUE(std::holds_alternative<Router::NoRoute>(router.Find(Method::kGet, path))) << path;
  }
}

}  // namespace
}  // namespace holdfast::http
