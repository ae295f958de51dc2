#include "tools/asvs_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/test_tree.h"

namespace holdfast::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* kCounts =
    "| level | met | partly | not yet | does not apply |\n"
    "|---|---|---|---|---|\n"
    "| 1 | 1 | 0 | 0 | 0 |\n"
    "| 2 | 0 | 0 | 0 | 1 |\n\n";
constexpr const char* kFirst = "| 1.1.1 | 1 | Doors are shut | met | `Door.IsShut` |\n";
constexpr const char* kSecond = "| 1.1.2 | 2 | Windows | does not apply | There are none. |\n";

// What is found in a small tree with this table and threat model.
std::vector<std::string> Check(const std::string& table, const std::string& model = "") {
  TestTree tree;
  tree.Write("tools/asvs_levels.txt", "# From elsewhere.\n1.1.1 1\n1.1.2 2\n");
  tree.Write("src/a/door_test.cc", "TEST(Door, IsShut) {\n}\n// TEST(Door, IsOpen)\n");
  tree.Write("docs/asvs.md", table);
  tree.Write("docs/THREAT_MODEL.md", model);
  tree.Write("docs/SECURITY_INVENTORY.md", "");
  std::vector<std::string> findings;
  for (const Finding& finding : CheckAsvs(tree.root())) {
    findings.push_back(finding.file + ":" + std::to_string(finding.line) + ": " + finding.message);
  }
  return findings;
}

std::string Table(const std::string& first, const std::string& second) {
  return kCounts + first + second;
}

TEST(AsvsRules, ATableThatIsTrueHasNoFindings) {
  EXPECT_THAT(Check(Table(kFirst, kSecond)), IsEmpty());
}

TEST(AsvsRules, EachFaultOfARowIsFound) {
  const struct {
    const char* first;
    const char* finding;
  } cases[] = {
      {"", "docs/asvs.md:1: there is no row for 1.1.1"},
      {"| 1.1.1 | 2 | Doors | met | `Door.IsShut` |\n", "asvs.md:6: 1.1.1 is of level 1"},
      {"| 1.1.1 | 1 | Doors | met | `Door.IsOpen` |\n", "there is no test Door.IsOpen"},
      {"| 1.1.1 | 1 | Doors | met | `Door.IsShut`, `Door.IsOpen` |\n", "no test Door.IsOpen"},
      {"| 1.1.1 | 1 | Doors | met | Door.IsShut |\n", "1.1.1: met, and no test shows it"},
      {"| 1.1.1 | 1 | Doors | done | `Door.IsShut` |\n", "1.1.1: unknown status done"},
      {"| 1.1.1 | 1 | Doors | met |\n", "a row has five cells"},
      {"| 1.1.1 | 1 | a b c d e f g h i | met | `Door.IsShut` |\n", "has 1 to 8 words"},
      {"| 1.1.1 | 1 | Doors | partly |  |\n", "1.1.1: neither a test nor a reason"},
      {"| 1.1.3 | 1 | Doors | met | `Door.IsShut` |\n", "1.1.3 is no requirement"},
  };
  for (const auto& [first, finding] : cases) {
    EXPECT_THAT(Check(Table(first, kSecond)), testing::Contains(HasSubstr(finding))) << first;
  }
  EXPECT_THAT(Check(Table(kFirst, kSecond) + kFirst), ElementsAre(HasSubstr("1.1.1 has two rows")));
}

TEST(AsvsRules, WrongOrMissingCountsAreFound) {
  const std::string partly = "| 1.1.1 | 1 | Doors | partly | Some are open. |\n";
  EXPECT_THAT(Check(Table(partly, kSecond)),
              ElementsAre("docs/asvs.md:3: level 1 counts 0 met, 1 partly, 0 not yet, "
                          "0 does not apply"));
  EXPECT_THAT(Check(std::string(kFirst) + kSecond),
              ElementsAre(HasSubstr("no counts of level 1"), HasSubstr("no counts of level 2")));
}

TEST(AsvsRules, LinksAndTestsOfTheDocumentsExist) {
  const std::string table = Table(kFirst, kSecond);
  EXPECT_THAT(Check(table, "[a](asvs.md#top) [b](https://x.example) `Door.IsShut` `door.h`\n"),
              IsEmpty());
  EXPECT_THAT(Check(table, "\n[a](../src/gone.h)\n"),
              ElementsAre("docs/THREAT_MODEL.md:2: the link leads nowhere: ../src/gone.h"));
  EXPECT_THAT(Check(table, "`Door.IsOpen`\n"), ElementsAre(HasSubstr("no test Door.IsOpen")));
}

TEST(AsvsRules, FindsTestsOfEveryKind) {
  TestTree tree;
  tree.Write("src/a/a_test.cc",
             "TEST_P(\n    A, B) {\nTEST_F(C, D) {\n// TEST(E, F)\n  TEST(G, H)");
  tree.Write("tests/b/b.test.mjs", "test(\"it's `so`\", f);\n  // test(\"not\", f);\n");
  tree.Write("tests/CMakeLists.txt",
             "add_test(NAME one COMMAND x)\nforeach(v two three)\n"
             "  add_test(NAME a_${v} COMMAND x)\n");
  tree.Write("fuzz/CMakeLists.txt", "add_fuzz_target(json ROOMS json)\n");
  EXPECT_THAT(FindTests(tree.root()),
              UnorderedElementsAre("A.B", "C.D", "b.test.mjs: it's `so`", "ctest: one",
                                   "ctest: a_two", "ctest: a_three", "ctest: replay_json"));
}

}  // namespace
}  // namespace holdfast::tools
