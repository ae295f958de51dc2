#include "tools/style_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/test_tree.h"

namespace holdfast::tools {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> CheckOne(const std::string& file, const std::string& text,
                                  const std::string& allowed = "") {
  TestTree tree;
  tree.Write(file, text);
  if (!allowed.empty()) tree.Write("tools/style_allow.txt", allowed);
  std::vector<std::string> findings;
  for (const Finding& finding : CheckStyle(tree.root())) {
    findings.push_back(finding.file + ":" + std::to_string(finding.line) + ": " + finding.message);
  }
  return findings;
}

std::string Repeat(const std::string& line, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

std::vector<std::pair<int, int>> Spans(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::vector<std::pair<int, int>> spans;
  for (const FunctionSpan& span : FindFunctions(lines)) {
    spans.emplace_back(span.first_line, span.last_line);
  }
  return spans;
}

TEST(StyleRules, FindsFunctionsByTheirBraces) {
  EXPECT_THAT(Spans("namespace a {\n"
                    "int F(int x,\n"
                    "      int y) {\n"
                    "  if (x) { return y; }\n"
                    "  auto g = [](int z) {\n"
                    "    return z;\n"
                    "  };\n"
                    "  return g(x);\n"
                    "}\n"
                    "class C : public B {\n"
                    " public:\n"
                    "  C() : a_(1) { Init(); }\n"
                    "  struct D { int x = 3; };\n"
                    "};\n"
                    "constexpr int kTable[] = {1, 2};\n"
                    "}  // namespace a\n"
                    "TEST(A, B) {\n"
                    "}\n"),
              ElementsAre(std::pair(2, 9), std::pair(11, 12), std::pair(17, 18)));
}

TEST(StyleRules, BracesInCommentsAndLiteralsDoNotCount) {
  EXPECT_THAT(Spans("void F() {  // }\n"
                    "  const char* a = \"}\\\"}\";\n"
                    "  char b = '}'; int c = 1'000;\n"
                    "  /* }\n"
                    "  } */\n"
                    "  auto d = R\"(}\n"
                    "  })\";\n"
                    "#define X }\n"
                    "}\n"),
              ElementsAre(std::pair(1, 9)));
}

TEST(StyleRules, LimitsFilesAndFunctions) {
  EXPECT_THAT(CheckOne("src/a/a.cc", Repeat("int x;\n", 600)), IsEmpty());
  EXPECT_THAT(CheckOne("src/a/a.cc", Repeat("int x;\n", 601)),
              ElementsAre("src/a/a.cc:1: file_lines: 601 lines, over the limit of 600"));
  EXPECT_THAT(CheckOne("src/a/a.h", "// A.\n#pragma once\n" + Repeat("int x;\n", 299)),
              ElementsAre("src/a/a.h:1: file_lines: 301 lines, over the limit of 300"));
  EXPECT_THAT(CheckOne("src/a/a.cc", "\nvoid F() {\n" + Repeat("  g();\n", 68) + "}\n"), IsEmpty());
  EXPECT_THAT(CheckOne("src/a/a.cc", "\nvoid F() {\n" + Repeat("  g();\n", 69) + "}\n"),
              ElementsAre("src/a/a.cc:2: function_lines: 71 lines, over the limit of 70"));
}

TEST(StyleRules, AllowListNeedsAReasonAndAUse) {
  const std::string text = Repeat("int x;\n", 650);
  EXPECT_THAT(
      CheckOne("src/a/a.cc", text, "# comment\nsrc/a/a.cc file_lines 700 one table, no logic\n"),
      IsEmpty());
  EXPECT_THAT(
      CheckOne("src/a/a.cc", text, "src/a/a.cc file_lines 640 one table, no logic\n").size(), 2u);
  EXPECT_THAT(CheckOne("src/a/a.cc", text, "src/a/a.cc file_lines 700\n"),
              Contains(HasSubstr("style_allow.txt:1: an entry is")));
  EXPECT_THAT(CheckOne("src/a/a.cc", "", "src/a/a.cc file_lines 700 one table, no logic\n"),
              ElementsAre("tools/style_allow.txt:1: not needed: src/a/a.cc keeps to file_lines"));
}

TEST(StyleRules, HeadersOpenWithTheirStory) {
  EXPECT_THAT(CheckOne("src/a/a.h", "#pragma once\n"),
              ElementsAre(HasSubstr("a.h:1: a header begins with")));
  EXPECT_THAT(CheckOne("src/a/a.h", "// A.\n"), ElementsAre("src/a/a.h:1: no #pragma once"));
  EXPECT_THAT(CheckOne("src/a/a-inl.h", "// A.\n"), IsEmpty());
  EXPECT_THAT(CheckOne("src/a/a.h", "// A.\n#pragma once\nusing namespace std;\n"),
              ElementsAre("src/a/a.h:3: using namespace in a header"));
}

TEST(StyleRules, ExpectedComesWithResult) {
  EXPECT_THAT(CheckOne("src/a/a.cc", "#include <expected>\n"),
              ElementsAre(HasSubstr("a.cc:1: <expected> comes with")));
  EXPECT_THAT(CheckOne("src/base/result.h", "// R.\n#pragma once\n#include <expected>\n"),
              IsEmpty());
}

TEST(StyleRules, WordsThatDoNotStay) {
  const std::string word = std::string("TO") + "DO";
  EXPECT_THAT(CheckOne("src/a/a.cc", "int x;  // " + word + ": later\n"),
              ElementsAre(HasSubstr("a.cc:1: " + word)));
  EXPECT_THAT(CheckOne("web/src/a.ts", "// " + word + "\n"), ElementsAre(HasSubstr("a.ts:1: ")));
  EXPECT_THAT(CheckOne("src/a/a.cc", "int k" + word + "List;\n"), IsEmpty());
  EXPECT_THAT(CheckOne("src/a/a.cc", "int\tx;\n"), ElementsAre("src/a/a.cc:1: a tab"));
  EXPECT_THAT(CheckOne("src/a/a.cc", "int x; \n"),
              ElementsAre("src/a/a.cc:1: white space at the end of the line"));
}

}  // namespace
}  // namespace holdfast::tools
