#include "kernels/mla_attention.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/for_each_target.h"
#include "tensor/aligned_buffer.h"

namespace holdfast::kernels {
namespace {

std::vector<float> Random(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

struct Partial {
  explicit Partial(std::int64_t rows, std::int64_t width)
      : width(width), out(rows * width), max(rows, -INFINITY), sum(rows) {}
  AttentionPartial view() { return {out.data(), width, max.data(), sum.data()}; }
  std::int64_t width;
  std::vector<float> out, max, sum;
};

// Queries and cache entries of an absorbed problem; rank and width are padded as in the cache.
struct Absorbed {
  Absorbed(std::int64_t rows, std::int64_t keys, std::int64_t rank, std::int64_t rope)
      : rows(rows), width(PaddedWidth(rank + rope)), value_width(PaddedWidth(rank)) {
    query = Random(rows * width, 11);
    entries = Random(keys * width, 12);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = rank + rope; i < width; ++i) query[r * width + i] = 0;
    }
    // Entries lie in any order, as blocks of a paged cache do.
    for (std::int64_t k = 0; k < keys; ++k) pointers.push_back(&entries[(keys - 1 - k) * width]);
  }
  AbsorbedAttention Task(std::int64_t begin, std::int64_t end,
                         const std::vector<std::int32_t>& visible) const {
    return {.query = query.data(),
            .query_stride = width,
            .rows = rows,
            .visible = visible.data(),
            .keys = pointers.data() + begin,
            .key_begin = begin,
            .key_end = end,
            .width = width,
            .value_width = value_width,
            .scale = 0.08f};
  }
  std::int64_t rows, width, value_width;
  std::vector<float> query, entries;
  std::vector<const float*> pointers;
};

TEST(AbsorbedAttention, AgreesWithReferenceOnAllTargets) {
  struct Case {
    std::int64_t rows, keys, rank, rope;
  };
  const Case cases[] = {{1, 1, 40, 8},    {1, 5, 32, 8},      {16, 130, 512, 64}, {3, 129, 40, 6},
                        {7, 300, 64, 16}, {13, 1024, 96, 32}, {2, 127, 16, 2}};
  internal::ForEachTarget([&] {
    for (const Case& c : cases) {
      SCOPED_TRACE(c.keys);
      const Absorbed problem(c.rows, c.keys, c.rank, c.rope);
      std::vector<std::int32_t> visible;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        visible.push_back(static_cast<std::int32_t>(c.keys - r * c.keys / (2 * c.rows)));
      }
      const AbsorbedAttention task = problem.Task(0, c.keys, visible);
      Partial got(c.rows, problem.value_width), want = got;
      AbsorbedAttentionSpan(task, got.view());
      reference::AbsorbedAttentionSpan(task, want.view());
      FinishAttention(got.view(), c.rows, problem.value_width);
      reference::FinishAttention(want.view(), c.rows, problem.value_width);
      for (std::size_t i = 0; i < got.out.size(); ++i) ASSERT_NEAR(got.out[i], want.out[i], 5e-6f);
    }
  });
}

TEST(AbsorbedAttention, ARowsBitsDoNotDependOnTheOtherRows) {
  const Absorbed problem(9, 333, 48, 8);
  std::vector<std::int32_t> visible = {333, 1, 128, 129, 200, 332, 256, 7, 300};
  internal::ForEachTarget([&] {
    Partial all(9, problem.value_width);
    AbsorbedAttentionSpan(problem.Task(0, 333, visible), all.view());
    for (std::int64_t r = 0; r < 9; ++r) {
      AbsorbedAttention task = problem.Task(0, visible[r], visible);
      task.query += r * problem.width;
      task.visible += r;
      task.rows = 1;
      Partial alone(1, problem.value_width);
      AbsorbedAttentionSpan(task, alone.view());
      EXPECT_EQ(alone.max[0], all.max[r]);
      EXPECT_EQ(alone.sum[0], all.sum[r]);
      for (std::int64_t i = 0; i < problem.value_width; ++i) {
        ASSERT_EQ(alone.out[i], all.out[r * problem.value_width + i]) << r << " " << i;
      }
    }
  });
}

TEST(AbsorbedAttention, SpansMergeToTheWhole) {
  constexpr std::int64_t kKeys = 2500, kRows = 5;
  const Absorbed problem(kRows, kKeys, 40, 8);
  const std::vector<std::int32_t> visible = {2500, 1024, 1025, 900, 2048};
  internal::ForEachTarget([&] {
    Partial total(kRows, problem.value_width), want = total;
    AbsorbedAttentionSpan(problem.Task(0, kAttentionSpan, visible), total.view());
    for (std::int64_t begin = kAttentionSpan; begin < kKeys; begin += kAttentionSpan) {
      Partial next(kRows, problem.value_width);
      AbsorbedAttentionSpan(problem.Task(begin, std::min(begin + kAttentionSpan, kKeys), visible),
                            next.view());
      MergeAttention(total.view(), next.view(), kRows, problem.value_width);
    }
    FinishAttention(total.view(), kRows, problem.value_width);
    reference::AbsorbedAttentionSpan(problem.Task(0, kKeys, visible), want.view());
    reference::FinishAttention(want.view(), kRows, problem.value_width);
    for (std::size_t i = 0; i < total.out.size(); ++i) {
      ASSERT_NEAR(total.out[i], want.out[i], 5e-6f);
    }
  });
}

// Row r of `out` [*, width] has a value that is no finite number exactly where `is_broken(r)`.
template <typename IsBroken>
void ExpectBrokenRows(const std::vector<float>& out, std::int64_t width,
                      const IsBroken& is_broken) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i) / width;
    ASSERT_EQ(!std::isfinite(out[i]), is_broken(row)) << "row " << row << ": " << out[i];
  }
}

TEST(AbsorbedAttention, ScoresThatAreNoNumbersAreSeenInTheOutput) {
  constexpr std::int64_t kKeys = 300, kRows = 7;
  const std::vector<std::int32_t> visible = {300, 1, 128, 129, 200, 299, 256};
  const auto run = [&](const Absorbed& problem) {
    Partial total(kRows, problem.value_width);
    AbsorbedAttentionSpan(problem.Task(0, kKeys, visible), total.view());
    Partial nothing(kRows, problem.value_width);
    MergeAttention(total.view(), nothing.view(), kRows, problem.value_width);
    FinishAttention(total.view(), kRows, problem.value_width);
    return total.out;
  };
  internal::ForEachTarget([&] {
    for (const float broken : {NAN, -NAN, INFINITY}) {
      Absorbed query(kRows, kKeys, 40, 8);
      query.query[4 * query.width + 3] = broken;
      ExpectBrokenRows(run(query), query.value_width, [](std::int64_t row) { return row == 4; });
      // The rotary part of a key is no part of its value.
      Absorbed key(kRows, kKeys, 48, 8);
      constexpr std::int64_t kAt = 150;
      key.entries[(kKeys - 1 - kAt) * key.width + 50] = broken;
      for (std::int64_t r = 0; r < kRows; ++r) key.query[r * key.width + 50] = 1.0f;
      ExpectBrokenRows(run(key), key.value_width,
                       [&](std::int64_t row) { return visible[row] > kAt; });
    }
  });
}

TEST(FinishAttention, ARowThatSawNothingIsZero) {
  internal::ForEachTarget([] {
    Partial partial(1, 16);
    FinishAttention(partial.view(), 1, 16);
    for (const float value : partial.out) EXPECT_EQ(value, 0.0f);
  });
}

struct ExpandedShape {
  std::int64_t rows, start, nope, rope, value;
};

// The keys of [0, start + rows) in ranges of `range`, against one reference call.
void CheckExpanded(const ExpandedShape& shape, std::int64_t range) {
  const std::int64_t keys = shape.start + shape.rows, dim = shape.nope + shape.rope;
  const std::vector<float> query = Random(shape.rows * dim, 21),
                           key = Random(keys * shape.nope, 22);
  const std::vector<float> rope_key = Random(keys * shape.rope, 23);
  const std::vector<float> value = Random(keys * shape.value, 24);
  std::vector<const float*> rope_rows;
  for (std::int64_t k = 0; k < keys; ++k) rope_rows.push_back(&rope_key[k * shape.rope]);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    return ExpandedAttention{.query = query.data(),
                             .query_stride = dim,
                             .rows = shape.rows,
                             .first_position = shape.start,
                             .key = key.data() + begin * shape.nope,
                             .key_stride = shape.nope,
                             .rope_key = rope_rows.data() + begin,
                             .value = value.data() + begin * shape.value,
                             .value_stride = shape.value,
                             .key_begin = begin,
                             .key_end = end,
                             .nope_dim = shape.nope,
                             .rope_dim = shape.rope,
                             .value_dim = shape.value,
                             .scale = 0.2f};
  };
  Partial got(shape.rows, shape.value), want = got;
  for (std::int64_t begin = 0; begin < keys; begin += range) {
    ExpandedAttentionRange(task(begin, std::min(begin + range, keys)), got.view());
  }
  reference::ExpandedAttentionRange(task(0, keys), want.view());
  FinishAttention(got.view(), shape.rows, shape.value);
  reference::FinishAttention(want.view(), shape.rows, shape.value);
  for (std::size_t i = 0; i < got.out.size(); ++i) ASSERT_NEAR(got.out[i], want.out[i], 5e-6f) << i;
}

TEST(ExpandedAttention, AgreesWithReferenceOnAllTargets) {
  const ExpandedShape shapes[] = {{1, 0, 16, 8, 16},
                                  {5, 3, 24, 8, 20},
                                  {70, 0, 128, 64, 128},
                                  {33, 100, 17, 6, 9},
                                  {128, 65, 16, 8, 16}};
  internal::ForEachTarget([&] {
    for (const ExpandedShape& shape : shapes) {
      for (const std::int64_t range : {512, 64, 37}) {
        SCOPED_TRACE(testing::Message() << shape.rows << " rows, range " << range);
        CheckExpanded(shape, range);
      }
    }
  });
}

}  // namespace
}  // namespace holdfast::kernels
