#include "tools/room_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/test_tree.h"

namespace holdfast::tools {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kRooms = R"(# The rooms
# Floor 0
add_room(base LIBS fmt::fmt)
# Floor 1
add_room(json LIBS Boost::json)   # home of Boost.JSON
add_room(tensor)
# Floor 2
add_room(weights
  USES json
       tensor
  LIBS Some::lib)
# Floor 3
add_room(model USES weights tensor)
)";

// The findings of one file in a tree of four rooms, as "line: message".
std::vector<std::string> CheckOne(const std::string& file, const std::string& text,
                                  const std::string& rooms = kRooms) {
  TestTree tree;
  tree.Write("src/CMakeLists.txt", rooms);
  if (!file.empty()) tree.Write(file, text);
  std::vector<std::string> findings;
  for (const Finding& finding : CheckRooms(tree.root())) {
    const bool is_list = finding.file == "src/CMakeLists.txt";
    EXPECT_EQ(finding.file, is_list ? finding.file : file);
    findings.push_back(std::to_string(finding.line) + ": " + finding.message);
  }
  return findings;
}

TEST(RoomRules, ReadsTheListOverSeveralLines) {
  TestTree tree;
  tree.Write("src/CMakeLists.txt", kRooms);
  std::vector<Finding> findings;
  const auto rooms = ParseRooms(tree.root(), findings);
  EXPECT_THAT(findings, IsEmpty());
  ASSERT_EQ(rooms.size(), 5u);
  EXPECT_EQ(rooms.at("weights").floor, 2);
  EXPECT_THAT(rooms.at("weights").uses, ElementsAre("json", "tensor"));
  EXPECT_THAT(rooms.at("json").uses, IsEmpty());
}

TEST(RoomRules, AcceptsWhatTheListAllows) {
  EXPECT_THAT(CheckOne("src/weights/a.cc",
                       "#include \"weights/a.h\"\n#include <vector>\n#include <sys/mman.h>\n"
                       "#include <fmt/format.h>\n#include \"base/result.h\"\n"
                       "#include \"json/json.h\"\n#include \"weights/internal/b.h\"\n"),
              IsEmpty());
  EXPECT_THAT(CheckOne("src/json/a.cc", "#include <boost/json.hpp>\n"), IsEmpty());
  EXPECT_THAT(CheckOne("src/json/a_test.cc", "#include <gtest/gtest.h>\n"), IsEmpty());
  EXPECT_THAT(CheckOne("src/json/a.h", "// A. Tests only.\n#include <gtest/gtest.h>\n"), IsEmpty());
  EXPECT_THAT(CheckOne("tests/parity/a.cc", "#include <gtest/gtest.h>\n#include \"model/m.h\"\n"),
              IsEmpty());
  EXPECT_THAT(CheckOne("apps/holdfast/a.cc", "#include <CLI/CLI.hpp>\n#include \"model/m.h\"\n"),
              IsEmpty());
}

TEST(RoomRules, RefusesUnlistedRooms) {
  EXPECT_THAT(CheckOne("src/model/a.cc", "\n#include \"json/json.h\"\n"),
              ElementsAre("2: room 'model' does not list 'json' (it lists tensor, weights)"));
  EXPECT_THAT(CheckOne("src/tensor/a.cc", "#include \"json/json.h\"\n"),
              ElementsAre("1: upward include: 'tensor' (floor 1) includes 'json' (floor 1)"));
}

TEST(RoomRules, RefusesUpwardIncludes) {
  EXPECT_THAT(CheckOne("src/json/a.h", "#include \"model/m.h\"\n"),
              ElementsAre("1: upward include: 'json' (floor 1) includes 'model' (floor 3)"));
  EXPECT_THAT(CheckOne("src/base/a.h", "  #  include \"json/json.h\"\n"),
              ElementsAre("1: upward include: 'base' (floor 0) includes 'json' (floor 1)"));
}

TEST(RoomRules, RefusesLibrariesOutsideTheirHome) {
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include <boost/json/value.hpp>\n"),
              ElementsAre("1: <boost/json/value.hpp> is at home in json only"));
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include <pcre2.h>\n"),
              ElementsAre("1: <pcre2.h> is at home in tokenizer only"));
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include <gtest/gtest.h>\n"),
              ElementsAre("1: <gtest/gtest.h> is at home in tests only"));
  EXPECT_THAT(CheckOne("apps/holdfast/a.cc", "#include <spdlog/spdlog.h>\n"),
              ElementsAre("1: <spdlog/spdlog.h> is at home in base only"));
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include <eigen/Core>\n"),
              ElementsAre("1: <eigen/Core> is of a library without a home room "
                          "(tools/room_rules.cc)"));
}

TEST(RoomRules, RefusesInternalsOfOtherRooms) {
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include \"weights/internal/b.h\"\n"),
              ElementsAre("1: \"weights/internal/b.h\" is internal to 'weights'"));
  EXPECT_THAT(CheckOne("tests/a.cc", "#include \"weights/internal/b.h\"\n"),
              ElementsAre("1: \"weights/internal/b.h\" is internal to 'weights'"));
}

TEST(RoomRules, RefusesIncludesThatAreNotRooted) {
  EXPECT_THAT(CheckOne("src/model/a.cc", "#include \"a.h\"\n"),
              ElementsAre("1: \"a.h\" does not begin with a room (includes are rooted at src/)"));
  EXPECT_THAT(CheckOne("src/nobody/a.cc", ""),
              ElementsAre("1: folder src/nobody is not a room: add_room is missing"));
  EXPECT_THAT(CheckOne("src/a.cc", ""), ElementsAre("1: a source file in src/ itself, in no room"));
}

TEST(RoomRules, RefusesABrokenList) {
  EXPECT_THAT(CheckOne("", "",
                       "# Floor 0\nadd_room(base)\n# Floor 1\nadd_room(a USES b)\n"
                       "add_room(b)\nadd_room(c USES nobody)\nadd_room(b)\n"),
              ElementsAre("7: room 'b' is listed twice",
                          "4: room 'a' on floor 1 uses 'b' on floor 1, which is not lower",
                          "6: room 'c' uses the unknown room 'nobody'"));
  EXPECT_THAT(CheckOne("", "", "\n"), ElementsAre("1: no add_room call"));
}

}  // namespace
}  // namespace holdfast::tools
