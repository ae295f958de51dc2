#include "drill/csv.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows ReadRows(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in);
  Rows rows;
  for (auto has_line = reader.Next(); has_line && *has_line; has_line = reader.Next()) {
    rows.emplace_back(reader.fields().begin(), reader.fields().end());
  }
  return rows;
}

TEST(Csv, CutsLinesIntoFields) {
  EXPECT_EQ(ReadRows(""), Rows{});
  EXPECT_EQ(ReadRows("\n\r\n  \n"), Rows{});
  EXPECT_EQ(ReadRows("a,b"), (Rows{{"a", "b"}}));
  EXPECT_EQ(ReadRows("a, b ,\r\n\r\nc\r\n"), (Rows{{"a", "b", ""}, {"c"}}));
  EXPECT_EQ(ReadRows("\xEF\xBB\xBFtime,count\n1,2\n"), (Rows{{"time", "count"}, {"1", "2"}}));
  EXPECT_EQ(ReadRows("\"a, \"\"b\"\"\",\"\" ,c\n"), (Rows{{"a, \"b\"", "", "c"}}));
}

TEST(Csv, CountsLinesAndRefusesWhatHasNoEnd) {
  std::istringstream open_quote("a\n\n\"b\n");
  CsvReader reader(open_quote);
  EXPECT_TRUE(reader.Next().value());
  EXPECT_EQ(reader.line_number(), 1u);
  const auto next = reader.Next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(next.error().message.find("line 3"), std::string::npos);

  std::istringstream longest(std::string(CsvReader::kLineBytesMax, 'x') + "\ny");
  CsvReader fits(longest);
  EXPECT_TRUE(fits.Next().value());
  EXPECT_TRUE(fits.Next().value());
  std::istringstream longer(std::string(CsvReader::kLineBytesMax + 1, 'x') + "\ny");
  CsvReader too_long(longer);
  EXPECT_EQ(too_long.Next().error().code, ErrorCode::kTooLarge);
}

TEST(Csv, ReadsNumbersWhole) {
  EXPECT_EQ(ParseNumber("-1.5e2"), -150);
  for (const char* text : {"", "1x", "nan", "inf", "1e999", "0x10", "+1", " 1"}) {
    EXPECT_FALSE(ParseNumber(text)) << text;
  }
}

TEST(Csv, ReadsTimesInTheWaysTracesWriteThem) {
  const struct {
    const char* text;
    double seconds;
  } cases[] = {
      {"12.25", 12.25},
      {"1970-01-02", 86400},
      {"1970-01-01 00:01", 60},
      {"1970-01-01 00:00:01.5", 1.5},
      {"1970-01-01T00:00:01Z", 1},
      {"1970/01/01 01:00:00.250+01:00", 0.25},
      {"1970-01-01T00:00:00-0030", 1800},
      {"2023-11-16 18:15:46.6805900", 1'700'158'546.68059},
      {"2024-02-29 12:00:00", 1'709'208'000},
  };
  for (const auto& [text, seconds] : cases) {
    const auto time = ParseTime(text);
    ASSERT_TRUE(time) << text;
    EXPECT_NEAR(*time, seconds, 1e-6) << text;
  }
  for (const char* text :
       {"", "today", "2023-13-01", "2023-02-29 00:00:00", "2023-01-01 00", "2023-01-01 25:00",
        "2023-01-01 00:60", "2023-01-01 00:00:61", "2023-01-01 00:00:00+1", "2023-01-01x00:00",
        "2023-01-01 00:00:00 UTC", "2023-01-01 00:00:1.2.3"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast::drill
