#include "tokenizer/unicode_property.h"

#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::tokenizer {
namespace {

bool Has(std::string_view property, char32_t code_point) {
  const CodePointSet* set = FindUnicodeProperty(property);
  EXPECT_NE(set, nullptr) << property;
  const auto one = CodePointSet::Of(code_point);
  return set != nullptr && set->Intersection(one) == one;
}

TEST(UnicodeProperty, EveryCodePointHasOneCategory) {
  CodePointSet all;
  std::size_t count = 0;
  for (const char* name :
       {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"}) {
    const CodePointSet* category = FindUnicodeProperty(name);
    ASSERT_NE(category, nullptr) << name;
    for (const CodePointRange range : category->ranges()) count += range.last - range.first + 1;
    all = all.Union(*category);
  }
  EXPECT_EQ(all, CodePointSet::All());
  EXPECT_EQ(count, kCodePointMax + 1);
}

TEST(UnicodeProperty, NamesAreShortOrLongInAnySpelling) {
  for (const char* name :
       {"Lu", "lu", "Uppercase_Letter", "uppercase letter", "UPPERCASE-LETTER"}) {
    EXPECT_TRUE(Has(name, U'A')) << name;
    EXPECT_FALSE(Has(name, U'a')) << name;
  }
  for (const char* name : {"", "L&", "Nonsense", "sc=Han"}) {
    EXPECT_EQ(FindUnicodeProperty(name), nullptr) << name;
  }
}

TEST(UnicodeProperty, GroupsScriptsAndOthers) {
  const struct {
    const char* name;
    char32_t member;
    char32_t stranger;
  } cases[] = {
      {"L", U'ʰ', U'1'},
      {"Letter", U'你', U'_'},
      {"LC", U'ǅ', U'ʰ'},
      {"M", 0x301, U'a'},
      {"N", U'Ⅷ', U'a'},
      {"P", U'_', U'+'},
      {"S", U'+', U'_'},
      {"Z", 0x2028, U'\n'},
      {"C", 0x378, U' '},     // Unassigned.
      {"Han", U'々', U'。'},  // U+3002 is Han only by script extension.
      {"Old Italic", 0x10300, U'a'},
      {"Common", U'。', U'a'},
      {"Alphabetic", U'Ⓐ', U'1'},
      {"White_Space", 0x85, 0x180E},
  };
  for (const auto& c : cases) {
    EXPECT_TRUE(Has(c.name, c.member)) << c.name;
    EXPECT_FALSE(Has(c.name, c.stranger)) << c.name;
  }
}

TEST(UnicodeProperty, AnyIsAll) {
  const CodePointSet* any = FindUnicodeProperty("Any");
  ASSERT_NE(any, nullptr);
  EXPECT_EQ(*any, CodePointSet::All());
}

TEST(UnicodeProperty, KnowsUnicode15To16AndNotBeyond) {
  const struct {
    char32_t code_point;
    const char* category;
  } cases[] = {
      {0x1FAE8, "So"}, {0x31350, "Lo"}, {0x11F50, "Nd"}, {0x10EFD, "Mn"},  // 15.
      {0x2FFC, "So"},  {0x2EBF0, "Lo"},                                    // 15.1.
      {0x1C89, "Lu"},  {0x1C8A, "Ll"},  {0x10D6E, "Pd"}, {0x0897, "Mn"},   // 16.
      {0x088F, "Cn"},  {0x20C1, "Cn"},                                     // 17.
  };
  for (const auto& c : cases) {
    EXPECT_TRUE(Has(c.category, c.code_point)) << std::hex << std::uint32_t{c.code_point};
  }
}

TEST(UnicodeProperty, OtherCasesFoldBothWays) {
  const auto closed = [](std::vector<CodePointRange> ranges) {
    return WithOtherCases(CodePointSet(std::move(ranges)));
  };
  const CodePointSet s({{'S', 'S'}, {'s', 's'}, {0x17F, 0x17F}});
  for (const char32_t c : {U'S', U's', U'ſ'}) EXPECT_EQ(closed({{c, c}}), s);
  EXPECT_EQ(closed({{U'ǅ', U'ǅ'}}), CodePointSet({{U'Ǆ', U'ǆ'}}));
  EXPECT_EQ(closed({{U'1', U'1'}}), CodePointSet::Of(U'1'));
  EXPECT_EQ(closed({{0x10D50, 0x10D50}}), CodePointSet({{0x10D50, 0x10D50}, {0x10D70, 0x10D70}}));
  EXPECT_EQ(closed({{'a', 'j'}}), CodePointSet({{'A', 'J'}, {'a', 'j'}}));
}

}  // namespace
}  // namespace holdfast::tokenizer
