#include "server/engine_status.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

TEST(EngineStatus, IsATableWithARowAnEngine) {
  const Result<std::string> table = FormatEngines(
      R"({"engines":[{"name":"own","state":"up","why":"","models":["a","b/c"],"running":3,)"
      R"("waiting":0,"in_flight":3,"tokens_per_s":12.34,"breaker":"closed","last_error":"",)"
      R"("answers":7,"failures":0},{"name":"far","state":"down","why":"unreachable","models":[]}]})");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(*table,
            "name  state  why          models  running  waiting  in_flight  tokens_per_s  breaker"
            "  last_error  answers  failures\n"
            "own   up     -            a,b/c   3        0        3          12.3          closed "
            "  -           7        0\n"
            "far   down   unreachable  -       -        -        -          -             -      "
            "  -           -        -\n");
}

TEST(EngineStatus, RefusesWhatIsNoAnswer) {
  for (const char* text : {"", "[]", "{}", R"({"engines":[1]})"}) {
    EXPECT_EQ(FormatEngines(text).error().code == ErrorCode::kCorrupt ||
                  FormatEngines(text).error().code == ErrorCode::kInvalidArgument,
              true)
        << text;
  }
}

}  // namespace
}  // namespace holdfast::server
