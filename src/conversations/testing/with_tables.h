// WithTables: a fixture for tests only: the tables of the room on both databases, keys of accounts
// made from their names, and a clock that is set.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "conversations/answer_journal.h"
#include "conversations/history.h"
#include "conversations/schema.h"
#include "store/testing/both_databases.h"

namespace holdfast::conversations::testing {

// The same in every process; "gone" has none.
inline Result<std::shared_ptr<const crypto::DataKey>> KeyOf(std::string_view account_id) {
  if (account_id == "gone") return Fail(ErrorCode::kNotFound, "no such account");
  std::array<std::byte, crypto::DataKey::kBytes> bytes{};
  for (std::size_t i = 0; i < account_id.size() && i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(account_id[i]);
  }
  return std::make_shared<const crypto::DataKey>(crypto::DataKey::FromBytes(bytes));
}

class WithTables : public store::testing::BothDatabases {
 protected:
  WithTables() {
    const Result<void> migrated = store::Migrate(database(), "conversations", Migrations());
    EXPECT_TRUE(migrated.has_value()) << migrated.error().message;
  }

  NowMs Clock() {
    return [this] { return now_ms; };
  }
  History NewHistory() { return {database(), KeyOf, Clock()}; }
  AnswerJournal NewJournal() { return {database(), KeyOf, Clock()}; }

  // A conversation of `account` with one question; the ids of both.
  std::pair<std::string, std::string> Ask(std::string_view account, std::string_view question) {
    History history = NewHistory();
    const auto made = history.Create(account, "title");
    EXPECT_TRUE(made.has_value()) << made.error().message;
    const auto asked = history.Add(account, made->id, {.content = std::string(question)});
    EXPECT_TRUE(asked.has_value()) << asked.error().message;
    return {made->id, asked->id};
  }

  Result<std::int64_t> Execute(std::string_view sql, const store::Values& values = {}) {
    return database().Write([&](store::Transaction& t) { return t.Execute(sql, values); });
  }
  std::int64_t Count(std::string_view table) {
    const auto rows = database().Read([&](store::Transaction& t) {
      return t.Query("SELECT COUNT(*) FROM " + std::string(table));
    });
    EXPECT_TRUE(rows.has_value()) << rows.error().message;
    return rows ? (*rows)[0].Number(0) : -1;
  }

  std::int64_t now_ms = 1'700'000'000'000;
};

}  // namespace holdfast::conversations::testing
