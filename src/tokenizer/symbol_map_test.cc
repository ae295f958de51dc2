#include "tokenizer/symbol_map.h"

#include <gtest/gtest.h>

namespace holdfast::tokenizer {
namespace {

TEST(SymbolMap, CharactersThatNoSetTellsApartShareASymbol) {
  const std::vector<CodePointSet> sets{CodePointSet({{'a', 'z'}, {U'你', U'你'}}),
                                       CodePointSet::Of('e')};
  const auto map = SymbolMap::Make(sets);
  ASSERT_TRUE(map) << map.error().message;
  std::string symbols;
  map->Translate("bz你e é😀", symbols);
  ASSERT_EQ(symbols.size(), 7u);
  EXPECT_EQ(symbols[0], symbols[1]);
  EXPECT_EQ(symbols[0], symbols[2]);
  EXPECT_NE(symbols[0], symbols[3]);
  EXPECT_NE(symbols[0], symbols[4]);
  EXPECT_EQ(symbols[4], symbols[5]);
  EXPECT_EQ(symbols[4], symbols[6]);
}

TEST(SymbolMap, ClassesCoverTheirSetsAndTheEmptyOneIsNone) {
  const std::vector<CodePointSet> sets{CodePointSet(), CodePointSet::All()};
  const auto map = SymbolMap::Make(sets);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->ClassOf(0), R"([^\x00-\xff])");
  EXPECT_EQ(map->ClassOf(1), R"([\x00-\x00])");
}

TEST(SymbolMap, RefusesMoreKindsThanAByteCounts) {
  std::vector<CodePointSet> sets;
  while (sets.size() + 1 < SymbolMap::kSymbolsMax) {
    sets.push_back(CodePointSet::Of(static_cast<char32_t>(0x4E00 + sets.size())));
  }
  EXPECT_TRUE(SymbolMap::Make(sets));
  sets.push_back(CodePointSet::Of(U'a'));
  const auto map = SymbolMap::Make(sets);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::tokenizer
