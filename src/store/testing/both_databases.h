// BothDatabases: a fixture for tests only, whose tests run once on SQLite and once on PostgreSQL,
// each time on an empty database.
//
//   using PeopleTest = store::testing::BothDatabases;
//   TEST_P(PeopleTest, ...) { database() ... }
//   INSTANTIATE_TEST_SUITE_P(Stores, PeopleTest, store::testing::kBoth, store::testing::KindName);
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "store/database.h"
#include "store/testing/postgres_server.h"

namespace holdfast::store::testing {

inline const auto kBoth = ::testing::Values(Kind::kSqlite, Kind::kPostgres);

inline std::string KindName(const ::testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kSqlite ? "Sqlite" : "Postgres";
}

class BothDatabases : public ::testing::TestWithParam<Kind> {
 protected:
  BothDatabases() { Begin(); }
  ~BothDatabases() override { End(); }

  // All anew: another folder, another empty database.
  void Renew() {
    End();
    Begin();
  }

  std::unique_ptr<Database> Open(DatabaseOptions options = {}) const {
    options.url = url_;
    Result<std::unique_ptr<Database>> opened = Database::Open(options);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  Database& database() { return *database_; }
  const std::filesystem::path& folder() const { return folder_; }
  const std::string& url() const { return url_; }

 private:
  void Begin() {
    char pattern[] = "/tmp/holdfast-store-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    url_ = "sqlite:" + (folder_ / "holdfast.db").string();
    if (GetParam() == Kind::kPostgres) {
      PostgresServer* const server = PostgresServer::Shared();
      const Result<std::string> url = server == nullptr
                                          ? Fail(ErrorCode::kUnavailable, "no PostgreSQL")
                                          : server->NewDatabase();
      EXPECT_TRUE(url.has_value()) << url.error().message;
      url_ = url.value_or("");
    }
    database_ = Open();
  }
  void End() {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::filesystem::path folder_;
  std::string url_;
  std::unique_ptr<Database> database_;
};

}  // namespace holdfast::store::testing
