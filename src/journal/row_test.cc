#include "journal/row.h"

#include <gtest/gtest.h>

#include "journal/crc32c.h"
#include "journal/testing/rows.h"
#include "journal/text.h"

namespace holdfast::journal {
namespace {

TEST(Row, EveryKindComesBackAsItWas) {
  const std::vector<Row> rows = OneOfEach();
  ASSERT_EQ(rows.size(), std::variant_size_v<decltype(Row::what)>);
  for (const Row& row : rows) {
    const EncodedRow bytes = Encode(row);
    const Result<Row> decoded = Decode(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message << ": " << ToText(row);
    EXPECT_EQ(decoded->time, row.time);
    EXPECT_EQ(decoded->what.index(), row.what.index());
    // All fields are told, and none is 0 here.
    EXPECT_EQ(ToJson(*decoded), ToJson(row));
    EXPECT_EQ(ToJson(row).find(":0,"), std::string::npos) << ToJson(row);
    EXPECT_EQ(ToJson(row).find("false"), std::string::npos) << ToJson(row);
  }
}

TEST(Row, AFieldOutsideOfItsListIsRefused) {
  for (const Row& row : OneOfEach()) {
    const EncodedRow sound = Encode(row);
    int refused = 0;
    for (std::size_t at = 0; at < kRowBytes; ++at) {
      EncodedRow bytes = sound;
      bytes[at] = std::byte{0xFF};
      const Result<Row> decoded = Decode(bytes);
      if (!decoded) {
        EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
        ++refused;
      } else {
        EXPECT_EQ(Encode(*decoded), bytes) << "a row has one form";
      }
    }
    EXPECT_GE(refused, 2) << ToText(row);
  }
}

TEST(Row, WhatIsTooLongForItsFieldIsCut) {
  Asked asked;
  asked.retry_after = std::chrono::hours(24 * 365);
  asked.facts.form_time = std::chrono::hours(24 * 365);
  asked.facts.patience = guard::Duration(499);
  asked.wait = guard::Duration(1);
  const Result<Row> decoded = Decode(Encode({.time = {}, .what = asked}));
  ASSERT_TRUE(decoded);
  const Asked& read = std::get<Asked>(decoded->what);
  EXPECT_EQ(read.retry_after, std::chrono::milliseconds(UINT32_MAX));
  EXPECT_EQ(read.facts.form_time, std::chrono::milliseconds(INT32_MAX));
  EXPECT_EQ(read.facts.patience, guard::Duration(0));
  EXPECT_EQ(read.wait, std::chrono::milliseconds(1)) << "a wait is rounded up";
  const Result<Row> plain = Decode(Encode({.time = {}, .what = Asked{}}));
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<Asked>(plain->what).facts.form_time, guard::Duration(-1));
}

TEST(Row, IsALineForPeople) {
  const Row row{AtMicros(1'764'500'000'123'456),
                Decided{9, guard::Refusal::kQueueFull, std::chrono::milliseconds(3)}};
  EXPECT_EQ(ToText(row),
            "2025-11-30T10:53:20.123456Z refused id=9 refusal=queue_full "
            "retry_after_ms=3");
  EXPECT_EQ(ToText({AtMicros(-5), FirstToken{1}}), "-5us first_token id=1");
}

TEST(Crc32c, IsThatOfTheStandard) {
  const std::string_view text = "123456789";
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(text))), 0xE3069283U);
  const std::vector<std::byte> zeros(32);  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(zeros), 0x8A9136AAU);
}

}  // namespace
}  // namespace holdfast::journal
