#include "tokenizer/code_point_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::tokenizer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CodePointSet, JoinsRangesThatOverlapOrTouch) {
  const CodePointSet set({{'x', 'z'}, {'d', 'f'}, {'a', 'c'}, {'b', 'b'}});
  EXPECT_THAT(set.ranges(), ElementsAre(CodePointRange{'a', 'f'}, CodePointRange{'x', 'z'}));
  EXPECT_EQ(set, CodePointSet({{'a', 'f'}, {'x', 'z'}}));
}

TEST(CodePointSet, ComplementEndsWhereUnicodeEnds) {
  EXPECT_EQ(CodePointSet().Complement(), CodePointSet::All());
  EXPECT_THAT(CodePointSet::All().Complement().ranges(), IsEmpty());
  EXPECT_THAT(CodePointSet({{0, 9}, {20, kCodePointMax}}).Complement().ranges(),
              ElementsAre(CodePointRange{10, 19}));
  EXPECT_THAT(CodePointSet::Of(5).Complement().ranges(),
              ElementsAre(CodePointRange{0, 4}, CodePointRange{6, kCodePointMax}));
}

TEST(CodePointSet, UnionAndIntersection) {
  const CodePointSet left({{1, 10}, {20, 30}});
  const CodePointSet right({{5, 22}});
  EXPECT_EQ(left.Union(right), CodePointSet({{1, 30}}));
  EXPECT_EQ(left.Intersection(right), CodePointSet({{5, 10}, {20, 22}}));
  EXPECT_EQ(left.Intersection(CodePointSet()), CodePointSet());
}

}  // namespace
}  // namespace holdfast::tokenizer
