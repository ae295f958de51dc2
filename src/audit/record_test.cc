#include "audit/record.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::audit {
namespace {

Event Restriction() {
  return {.kind = EventKind::kAccountRestricted,
          .actor = "a-1",
          .subject = "a-2",
          .fields = {{"reason", "spam"}, {"until_ms", "1764547200000"}}};
}

TEST(EventKind, HasAWordOfItsOwnThatIsFoundAgain) {
  std::set<std::string_view> words;
  for (int i = 0; i < kEventKindCount; ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_FALSE(Word(kind).empty()) << i;
    EXPECT_TRUE(words.insert(Word(kind)).second) << Word(kind);
    EXPECT_EQ(FindEventKind(Word(kind)), kind);
  }
  EXPECT_EQ(Word(EventKind::kAccountCreated), "account_created");
  EXPECT_EQ(Word(EventKind::kBackupRestored), "backup_restored");
  EXPECT_FALSE(FindEventKind("account_create"));
}

TEST(Event, HoldsIdsAndWordsAndNoTextOfAPerson) {
  const struct {
    std::string_view part;
    bool is_word;
  } cases[] = {
      {"a", true},
      {"operator:0_9.Z-x", true},
      {"", false},
      {"two words", false},
      {"ann@example.org", false},
      {"l\xC3\xA9"
       "a",
       false},
      {"\"", false},
      {"line\n", false},
      {std::string_view("\0", 1), false},
  };
  for (const auto& c : cases) {
    const std::string part(c.part);
    Event event = Restriction();
    event.actor = part;
    EXPECT_EQ(CheckEvent(event).has_value(), c.is_word) << part;
    event = Restriction();
    event.subject = part;
    EXPECT_EQ(CheckEvent(event).has_value(), c.is_word || part.empty()) << part;
    event = Restriction();
    event.fields[1].name = part;
    EXPECT_EQ(CheckEvent(event).has_value(), c.is_word) << part;
    event = Restriction();
    event.fields[1].value = part;
    const Result<void> checked = CheckEvent(event);
    EXPECT_EQ(checked.has_value(), c.is_word) << part;
    if (!checked && part.size() > 1) {
      EXPECT_EQ(checked.error().message.find(part), std::string::npos) << checked.error().message;
    }
  }
}

TEST(Event, RefusesWhatIsOverItsLimits) {
  Event event = Restriction();
  event.actor = std::string(kWordBytesMax, 'x');
  EXPECT_TRUE(CheckEvent(event));
  event.actor += 'x';
  EXPECT_FALSE(CheckEvent(event));
  event = Restriction();
  event.fields.push_back(event.fields[0]);
  EXPECT_FALSE(CheckEvent(event));
  event.fields.clear();
  for (std::size_t i = 0; i < kFieldsMax; ++i) event.fields.push_back({std::to_string(i), "x"});
  EXPECT_TRUE(CheckEvent(event));
  event.fields.push_back({"more", "x"});
  EXPECT_FALSE(CheckEvent(event));
}

TEST(Record, TheLongestThereCanBeIsALine) {
  Event event{.kind = EventKind::kRegistrationModeChanged,
              .actor = std::string(kWordBytesMax, 'a'),
              .subject = std::string(kWordBytesMax, 's'),
              .fields = {}};
  for (std::size_t i = 0; i < kFieldsMax; ++i) {
    event.fields.push_back({std::string(kWordBytesMax - 1, 'n') + static_cast<char>('a' + i),
                            std::string(kWordBytesMax, 'v')});
  }
  ASSERT_TRUE(CheckEvent(event));
  Chain chain{.sequence = (std::uint64_t{1} << 62)};
  std::string line = chain.Add(event, -(std::int64_t{1} << 62));
  line.pop_back();
  const Result<Record> record = ParseLine(line);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->event, event);
}

// The hash was computed apart from this code: Python's hashlib.blake2b(digest_size=32).
TEST(Record, IsTheLineThatTheFormatSays) {
  Chain chain;
  EXPECT_EQ(chain.Add(Restriction(), 1764500000123),
            "{\"sequence\":1,\"time_ms\":1764500000123,\"event\":\"account_restricted\","
            "\"actor\":\"a-1\",\"subject\":\"a-2\","
            "\"fields\":{\"reason\":\"spam\",\"until_ms\":\"1764547200000\"},\"previous\":\""
            "0000000000000000000000000000000000000000000000000000000000000000\",\"hash\":\""
            "fbf8d1dceaca190897e902fc20b358b219f38037923f2cc3806254f077196b09\"}\n");
  EXPECT_EQ(chain.sequence, 1u);
}

TEST(Record, IsReadBackAsItWasWritten) {
  Chain writer, reader;
  for (int i = 0; i < 3; ++i) {
    std::string line = writer.Add(Restriction(), 1000 + i);
    ASSERT_TRUE(line.ends_with('\n'));
    line.pop_back();
    const Result<Record> record = ParseLine(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->sequence, static_cast<std::uint64_t>(i) + 1);
    EXPECT_EQ(record->time_ms, 1000 + i);
    EXPECT_EQ(record->event, Restriction());
    EXPECT_TRUE(reader.Follow(*record));
    EXPECT_FALSE(reader.Follow(*record));  // Not twice.
  }
}

TEST(Record, NoOtherTextIsARecordNorIsItsReasonATextOfTheLine) {
  Chain chain;
  std::string line = chain.Add(Restriction(), 1);
  line.pop_back();
  ASSERT_TRUE(ParseLine(line));
  for (std::size_t bit = 0; bit < line.size() * 8; ++bit) {
    std::string other = line;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    const Result<Record> record = ParseLine(other);
    ASSERT_FALSE(record) << other;
    EXPECT_EQ(record.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(record.error().message.find("spam"), std::string::npos);
  }
  for (std::size_t length = 0; length < line.size(); ++length) {
    EXPECT_FALSE(ParseLine(std::string_view(line).substr(0, length))) << length;
  }
  EXPECT_FALSE(ParseLine(" " + line));
  EXPECT_FALSE(ParseLine(line + " "));
  EXPECT_FALSE(ParseLine(line + std::string(kLineBytesMax, ' ')));
}

}  // namespace
}  // namespace holdfast::audit
