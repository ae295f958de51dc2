#include "store/database.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "store/migration.h"
#include "store/testing/both_databases.h"

namespace holdfast::store {
namespace {

using DatabaseTest = testing::BothDatabases;
INSTANTIATE_TEST_SUITE_P(Stores, DatabaseTest, testing::kBoth, testing::KindName);

const std::vector<Migration> kMigrations = {
    {"people", {"CREATE TABLE people (id TEXT PRIMARY KEY, age BIGINT, note TEXT)"}},
    {"pets",
     {"CREATE TABLE pets (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES people (id))"}},
};

Result<void> Add(Database& database, std::string_view id, std::int64_t age) {
  return database.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO people (id, age) VALUES (:id, :age)", {id, age}));
    return {};
  });
}

Result<std::int64_t> Age(Database& database, std::string_view id) {
  return database.Read([&](Transaction& t) -> Result<std::int64_t> {
    TRY_ASSIGN(const auto row, t.QueryOne("SELECT age FROM people WHERE id = :id", {id}));
    if (!row) return Fail(ErrorCode::kNotFound, "nobody");
    return row->Number(0);
  });
}

TEST_P(DatabaseTest, GivesBackWhatWasWritten) {
  ASSERT_TRUE(Migrate(database(), "test", kMigrations));
  const std::string text = "Grüße, 'quoted' \"twice\"; -- :id \\ 🩷";
  constexpr std::int64_t kLarge = std::int64_t{1} << 62;
  const Result<void> written = database().Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO people (id, age, note) VALUES (:id, :age, :note)",
                  {"a", kLarge, text}));
    TRY(t.Execute("INSERT INTO people (id, age, note) VALUES (:id, :age, :note)",
                  {"b", std::nullopt, std::nullopt}));
    return {};
  });
  ASSERT_TRUE(written) << written.error().message;
  const auto rows = database().Read([](Transaction& t) {
    return t.Query("SELECT id, age, note, (SELECT COUNT(*) FROM people) FROM people ORDER BY id");
  });
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].Number(1), kLarge);
  EXPECT_EQ((*rows)[0].Text(2), text);
  EXPECT_EQ((*rows)[0].Number(3), 2);
  EXPECT_EQ((*rows)[1].OptionalNumber(1), std::nullopt);
  EXPECT_EQ((*rows)[1].OptionalText(2), std::nullopt);
}

TEST_P(DatabaseTest, LeavesNothingBehindOfWorkThatFails) {
  ASSERT_TRUE(Migrate(database(), "test", kMigrations));
  const Result<void> failed = database().Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO people (id, age) VALUES (:id, :age)", {"a", 1}));
    return Fail(ErrorCode::kCancelled, "second thoughts");
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(Age(database(), "a").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(Add(database(), "a", 2));
}

TEST_P(DatabaseTest, SaysWhichRuleWasBroken) {
  ASSERT_TRUE(Migrate(database(), "test", kMigrations));
  ASSERT_TRUE(Add(database(), "a", 1));
  EXPECT_EQ(Add(database(), "a", 2).error().code, ErrorCode::kAlreadyExists);
  const Result<void> orphan = database().Write([](Transaction& t) -> Result<void> {
    TRY(t.Execute("INSERT INTO pets (id, owner) VALUES (:id, :owner)", {"rex", "nobody"}));
    return {};
  });
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, ErrorCode::kFailedPrecondition) << orphan.error().message;
  EXPECT_EQ(Age(database(), "a"), 1) << "the connection is of use after an error";
}

TEST_P(DatabaseTest, CountsWhatAStatementChanged) {
  ASSERT_TRUE(Migrate(database(), "test", kMigrations));
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(Add(database(), id, 1));
  const auto changed = database().Write([](Transaction& t) {
    return t.Execute("UPDATE people SET age = :age WHERE id <> :id", {2, "b"});
  });
  EXPECT_EQ(changed, 2);
}

// Reading and then writing what was read loses no update.
TEST_P(DatabaseTest, LosesNoUpdateOfManyAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  const std::unique_ptr<Database> patient = Open({.wait_max = std::chrono::seconds(60)});
  ASSERT_TRUE(Migrate(*patient, "test", kMigrations));
  ASSERT_TRUE(Add(*patient, "a", 0));
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const Result<void> raised = patient->Write([](Transaction& t) -> Result<void> {
          TRY_ASSIGN(const auto row, t.QueryOne("SELECT age FROM people WHERE id = 'a'"));
          TRY(t.Execute("UPDATE people SET age = :age WHERE id = 'a'", {row->Number(0) + 1}));
          return {};
        });
        if (raised) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Age(*patient, "a"), done);
  EXPECT_GE(done, GetParam() == Kind::kSqlite ? kThreads * kRounds : 1);
}

TEST_P(DatabaseTest, WaitsForAConnectionNoLongerThanItSays) {
  const auto hasty = Open({.connections = 2, .wait_max = std::chrono::milliseconds(50)});
  const auto outcome = hasty->Write([&](Transaction&) -> Result<void> {
    return hasty->Read([&](Transaction&) -> Result<void> {
      return hasty->Read([](Transaction&) -> Result<void> { return {}; });
    });
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kResourceExhausted);
}

TEST_P(DatabaseTest, MigratesFromEveryVersionThereWas) {
  for (std::size_t from = 0; from <= kMigrations.size(); ++from) {
    const std::string room = "from" + std::to_string(from);
    std::vector<std::string> names;
    const auto first = std::span(kMigrations).first(from);
    const Result<void> dropped = database().Write([](Transaction& t) -> Result<void> {
      TRY(t.Execute("DROP TABLE IF EXISTS pets"));
      TRY(t.Execute("DROP TABLE IF EXISTS people"));
      return {};
    });
    ASSERT_TRUE(dropped);
    ASSERT_TRUE(Migrate(database(), room, first));
    if (from > 0) {
      ASSERT_TRUE(Add(database(), "a", 7));
    }
    const Result<void> migrated = Migrate(database(), room, kMigrations);
    ASSERT_TRUE(migrated) << migrated.error().message;
    EXPECT_EQ(SchemaVersion(database(), room), static_cast<std::int64_t>(kMigrations.size()));
    if (from > 0) {
      EXPECT_EQ(Age(database(), "a"), 7);
    }
    ASSERT_TRUE(Migrate(database(), room, kMigrations)) << "again";
  }
}

TEST_P(DatabaseTest, RefusesTablesOfANewerRelease) {
  ASSERT_TRUE(Migrate(database(), "test", kMigrations));
  const Result<void> old = Migrate(database(), "test", std::span(kMigrations).first(1));
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, ErrorCode::kFailedPrecondition);
}

TEST_P(DatabaseTest, AMigrationThatFailsChangesNothing) {
  std::vector<Migration> broken = kMigrations;
  broken.push_back({"broken", {"CREATE TABLE more (id TEXT)", "CREATE TABL typo"}});
  EXPECT_FALSE(Migrate(database(), "test", broken));
  EXPECT_TRUE(Migrate(database(), "test", kMigrations));
  EXPECT_TRUE(Add(database(), "a", 1));
}

TEST(Database, MakesAFileForItsOwnerAlone) {
  const auto folder = std::filesystem::temp_directory_path() / "holdfast-store-mode";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  {
    const auto database = Database::Open({.url = "sqlite:" + (folder / "a.db").string()});
    ASSERT_TRUE(database);
    ASSERT_TRUE(Migrate(**database, "test", kMigrations));
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      struct stat status {};
      ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0600u) << entry.path();
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(Database, SaysThatAFileIsNoDatabaseOrDamaged) {
  const auto folder = std::filesystem::temp_directory_path() / "holdfast-store-damage";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const std::string url = "sqlite:" + (folder / "a.db").string();
  std::ofstream(folder / "a.db") << std::string(8192, 'x');
  const auto opened = Database::Open({.url = url});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt) << opened.error().message;
  std::filesystem::remove_all(folder);
}

TEST(Database, RefusesAnUnknownKindWithoutRepeatingIt) {
  const auto opened = Database::Open({.url = "mysql://root:secret@host/db"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(opened.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::store
