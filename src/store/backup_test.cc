#include "store/backup.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "store/migration.h"
#include "store/testing/both_databases.h"

namespace holdfast::store {
namespace {

// Two tables of which one refers to the other, a key of two columns, and an awkward name.
const std::vector<Migration> kMigrations = {
    {"purses",
     {"CREATE TABLE zebras (id TEXT PRIMARY KEY, coins BIGINT NOT NULL, note TEXT)",
      "CREATE TABLE apples (zebra TEXT NOT NULL REFERENCES zebras (id), place BIGINT NOT NULL,"
      " coins BIGINT, PRIMARY KEY (place, zebra))",
      "CREATE TABLE \"order\" (id BIGINT PRIMARY KEY, \"from\" TEXT)"}},
    {"more", {"CREATE TABLE more (id TEXT PRIMARY KEY)"}},
};

// From one kind to the same or the other.
struct Way {
  Kind from;
  Kind to;
};

class CopyTest : public ::testing::TestWithParam<Way> {
 protected:
  CopyTest() {
    char pattern[] = "/tmp/holdfast-copy-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    from_ = Make(GetParam().from, "from.db");
    to_ = Make(GetParam().to, "to.db");
  }
  ~CopyTest() override {
    from_.reset();
    to_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::unique_ptr<Database> Make(Kind kind, const std::string& name) const {
    std::string url = "sqlite:" + (folder_ / name).string();
    if (kind == Kind::kPostgres) {
      testing::PostgresServer* const server = testing::PostgresServer::Shared();
      const Result<std::string> made = server == nullptr
                                           ? Fail(ErrorCode::kUnavailable, "no PostgreSQL")
                                           : server->NewDatabase();
      EXPECT_TRUE(made.has_value()) << made.error().message;
      url = made.value_or("");
    }
    auto opened = Database::Open({.url = url, .wait_max = std::chrono::seconds(60)});
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_TRUE(Migrate(**opened, "test", kMigrations));
    return std::move(*opened);
  }

  std::int64_t Number(Database& database, std::string_view sql) const {
    const auto row = database.Read([&](Transaction& t) { return t.QueryOne(sql); });
    EXPECT_TRUE(row.has_value()) << row.error().message;
    return (*row)->Number(0);
  }

  Database& from() { return *from_; }
  Database& to() { return *to_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Database> from_;
  std::unique_ptr<Database> to_;
};

INSTANTIATE_TEST_SUITE_P(
    Ways, CopyTest,
    ::testing::Values(Way{Kind::kSqlite, Kind::kSqlite}, Way{Kind::kSqlite, Kind::kPostgres},
                      Way{Kind::kPostgres, Kind::kSqlite}, Way{Kind::kPostgres, Kind::kPostgres}),
    [](const auto& info) {
      const auto name = [](Kind kind) { return kind == Kind::kSqlite ? "Sqlite" : "Postgres"; };
      return fmt::format("{}To{}", name(info.param.from), name(info.param.to));
    });

// Every character that a text may hold but the one that PostgreSQL refuses, NUL.
std::string AwkwardText() {
  std::string text = "'quoted' \"twice\"; -- :p0 \\ $1 \\N \\x41 {} %s\r\n\t";
  for (char c = 1; c < 127; ++c) text += c;
  return text + "Grüße 日本語 \u00ad\u202e\ufeff\ufffd e\u0301 🩷";
}

TEST_P(CopyTest, CopiesNothingOfEmptyTables) {
  EXPECT_EQ(CopyRows(from(), to()), 0);
  EXPECT_EQ(Number(to(), "SELECT COUNT(*) FROM zebras"), 0);
}

TEST_P(CopyTest, KeepsNumbersTextsAndWhatIsNot) {
  const std::string text = AwkwardText();
  const Result<void> written = from().Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO zebras (id, coins, note) VALUES (:a, :b, :c)",
                  {"a", std::int64_t{1} << 62, text}));
    TRY(t.Execute("INSERT INTO zebras (id, coins, note) VALUES (:a, :b, :c)",
                  {text, INT64_MIN, std::nullopt}));
    TRY(t.Execute("INSERT INTO zebras (id, coins, note) VALUES (:a, :b, :c)", {"", -1, ""}));
    TRY(t.Execute("INSERT INTO apples (zebra, place, coins) VALUES (:a, :b, :c)",
                  {text, 7, std::nullopt}));
    TRY(t.Execute("INSERT INTO \"order\" (id, \"from\") VALUES (:a, :b)",
                  {1, std::string(3 << 20, 'x')}));
    return {};
  });
  ASSERT_TRUE(written) << written.error().message;
  const auto copied = CopyRows(from(), to());
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(*copied, 5);

  const auto row_of = [&](std::string_view id) {
    return to().Read([&](Transaction& t) {
      return t.QueryOne("SELECT coins, note FROM zebras WHERE id = :id", {id});
    });
  };
  EXPECT_EQ((**row_of("a")).Number(0), std::int64_t{1} << 62);
  EXPECT_EQ((**row_of("a")).Text(1), text);
  EXPECT_EQ((**row_of(text)).Number(0), INT64_MIN);
  EXPECT_EQ((**row_of(text)).OptionalText(1), std::nullopt);
  EXPECT_EQ((**row_of("")).OptionalText(1), "") << "an empty text is a text";
  EXPECT_EQ(Number(to(), "SELECT COUNT(*) FROM apples WHERE coins IS NULL"), 1);
  EXPECT_EQ(Number(to(), "SELECT CAST(LENGTH(\"from\") AS BIGINT) FROM \"order\""), 3 << 20);
}

// Around a page's end, and many pages; keys of texts whose order differs between languages.
TEST_P(CopyTest, CopiesEveryPageOnce) {
  constexpr std::int64_t kRows = 10'000;
  const auto at_once = static_cast<std::int64_t>(kCopiedRowsAtOnce);
  ASSERT_TRUE(from().Write([&](Transaction& t) -> Result<void> {
    for (std::int64_t i = 0; i < kRows; ++i) {
      TRY(t.Execute("INSERT INTO zebras (id, coins) VALUES (:a, :b)",
                    {fmt::format("{}{}",
                                 i % 3 == 0   ? "ä-"
                                 : i % 3 == 1 ? "B"
                                              : "b ",
                                 i),
                     i}));
    }
    for (std::int64_t i = 0; i < at_once; ++i) {
      TRY(t.Execute("INSERT INTO apples (zebra, place, coins) VALUES (:a, :b, :c)",
                    {"B1", i / 2 * 1000 + i % 2, i}));
    }
    for (std::int64_t i = -at_once; i <= at_once; ++i) {
      TRY(t.Execute("INSERT INTO \"order\" (id) VALUES (:a)", {i}));
    }
    return {};
  }));
  const auto copied = CopyRows(from(), to());
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(*copied, kRows + at_once + 2 * at_once + 1);
  EXPECT_EQ(Number(to(), "SELECT CAST(SUM(coins) AS BIGINT) FROM zebras"), kRows * (kRows - 1) / 2);
  EXPECT_EQ(Number(to(), "SELECT CAST(SUM(coins) AS BIGINT) FROM apples"),
            at_once * (at_once - 1) / 2);
  EXPECT_EQ(Number(to(), "SELECT COUNT(*) FROM \"order\""), 2 * at_once + 1);
}

// Coins move between the two tables while they are copied one after the other.
TEST_P(CopyTest, CopiesOneMomentWhileOthersWrite) {
  constexpr std::int64_t kZebras = 400, kCoins = 100;
  ASSERT_TRUE(from().Write([&](Transaction& t) -> Result<void> {
    for (std::int64_t i = 0; i < kZebras; ++i) {
      const std::string id = fmt::format("z{}", i);
      TRY(t.Execute("INSERT INTO zebras (id, coins) VALUES (:a, :b)", {id, kCoins}));
      TRY(t.Execute("INSERT INTO apples (zebra, place, coins) VALUES (:a, 0, :b)", {id, kCoins}));
    }
    return {};
  }));
  std::atomic<bool> is_done = false;
  std::atomic<std::int64_t> moves = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (std::int64_t i = writer; !is_done; i += 7) {
        const std::string id = fmt::format("z{}", i % kZebras);
        const Result<void> moved = from().Write([&](Transaction& t) -> Result<void> {
          TRY(t.Execute("UPDATE zebras SET coins = coins - 1 WHERE id = :a", {id}));
          TRY(t.Execute("UPDATE apples SET coins = coins + 1 WHERE zebra = :a", {id}));
          return {};
        });
        if (moved) moves.fetch_add(1);
        moves.notify_all();
      }
    });
  }
  moves.wait(0);  // They are at it.
  const auto copied = CopyRows(from(), to());
  const std::int64_t moves_by_then = moves;
  moves.wait(moves_by_then);  // And go on after it.
  is_done = true;
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(*copied, 2 * kZebras);
  const auto zebras = Number(to(), "SELECT CAST(SUM(coins) AS BIGINT) FROM zebras");
  const auto apples = Number(to(), "SELECT CAST(SUM(coins) AS BIGINT) FROM apples");
  EXPECT_EQ(zebras + apples, 2 * kZebras * kCoins);
  EXPECT_LT(zebras, kZebras * kCoins) << "it saw what was written before it";
}

TEST_P(CopyTest, RefusesOtherVersions) {
  ASSERT_TRUE(Migrate(to(), "another", std::span(kMigrations).first(0)));
  ASSERT_TRUE(to().Write([](Transaction& t) {
    return t.Execute("UPDATE schema_versions SET version = 1 WHERE room = 'test'");
  }));
  const auto copied = CopyRows(from(), to());
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, ErrorCode::kFailedPrecondition);
}

TEST_P(CopyTest, RefusesRowsThatAreThere) {
  ASSERT_TRUE(to().Write(
      [](Transaction& t) { return t.Execute("INSERT INTO more (id) VALUES ('mine')"); }));
  const auto copied = CopyRows(from(), to());
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, ErrorCode::kAlreadyExists);
}

// The tables come in the order in which they were made, which a foreign key needs; a row that is
// refused in the last one takes all others with it.
TEST_P(CopyTest, LeavesNothingWhenARowIsRefused) {
  ASSERT_TRUE(from().Write([](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO zebras (id, coins) VALUES ('a', 1)"));
    TRY(t.Execute("INSERT INTO more (id) VALUES ('bad')"));
    return {};
  }));
  ASSERT_TRUE(to().Write([](Transaction& t) -> Result<void> {
    TRY(t.Execute("DROP TABLE more"));
    TRY(t.Execute("CREATE TABLE more (id TEXT PRIMARY KEY CHECK (id <> 'bad'))"));
    return {};
  }));
  const auto copied = CopyRows(from(), to());
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, ErrorCode::kFailedPrecondition) << copied.error().message;
  EXPECT_EQ(Number(to(), "SELECT COUNT(*) FROM zebras"), 0);
}

TEST(CopyRows, SaysThatARowHasNoKey) {
  const auto folder = std::filesystem::temp_directory_path() / "holdfast-copy-null-key";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const auto open = [&](const char* name) {
    auto database = Database::Open({.url = "sqlite:" + (folder / name).string()});
    EXPECT_TRUE(database);
    EXPECT_TRUE(Migrate(**database, "test", kMigrations));
    return std::move(*database);
  };
  {
    const auto from = open("from.db"), to = open("to.db");
    ASSERT_TRUE(from->Write([](Transaction& t) -> Result<void> {
      for (std::size_t i = 0; i < kCopiedRowsAtOnce; ++i) {
        TRY(t.Execute("INSERT INTO more (id) VALUES (NULL)"));
      }
      TRY(t.Execute("INSERT INTO more (id) VALUES ('a')"));
      return {};
    }));
    const auto copied = CopyRows(*from, *to);
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().code, ErrorCode::kCorrupt);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::store
