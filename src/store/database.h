// Database: where everything lies that must outlast a restart. SQLite in one file, with nothing
// installed beside it, or PostgreSQL; the same statements run on both. Knows no table: the rooms
// above bring their own (migration.h).
//
//   auto name = database.Read([&](Transaction& t) -> Result<std::string> {
//     TRY_ASSIGN(const Rows rows, t.Query("SELECT name FROM accounts WHERE id = :id", {id}));
//     ...
//   });
//
// Every piece of work is one transaction: it commits when the work returns a value, and leaves
// nothing behind when it returns an error. What Write has acknowledged is on the disk (SQLite: WAL
// with synchronous=FULL). Work may be run again, when it lost a race with another transaction, so
// it must do nothing but read and write here.
//
// Statements name their parameters (:id) in the order of the values. Types are BIGINT and TEXT.
//
// Thread-safe; calls wait and block, so they belong on a net::BlockingPool. Limits: `connections`
// pieces of work at once (of SQLite one writes), the others wait at most `wait_max`, then fail with
// kResourceExhausted; an answer has at most kRowsMax rows.
//
// Errors: kAlreadyExists (a UNIQUE says no), kFailedPrecondition (a foreign key or a CHECK says
// no), kResourceExhausted (no connection, or the file is locked, for too long), kUnavailable (the
// server is away), kDiskFull, kCorrupt, kTooLarge, kIo.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/value.h"

namespace holdfast::store {

inline constexpr std::size_t kRowsMax = 100'000;

class Connection;
class Pool;

enum class Kind : std::uint8_t { kSqlite, kPostgres };

// Lives while its work runs.
class Transaction {
 public:
  Transaction(Connection& connection, const std::function<void()>& at_boundary)
      : connection_(connection), at_boundary_(at_boundary) {}

  Result<Rows> Query(std::string_view sql, const Values& values = {});
  // The first row; nullopt: there is none.
  Result<std::optional<Row>> QueryOne(std::string_view sql, const Values& values = {});
  // Returns how many rows it changed.
  Result<std::int64_t> Execute(std::string_view sql, const Values& values = {});

 private:
  Connection& connection_;
  const std::function<void()>& at_boundary_;
};

struct DatabaseOptions {
  // "sqlite:FILE", or "postgresql://..." as libpq reads it.
  std::string url = {};
  std::size_t connections = 4;
  std::chrono::milliseconds wait_max{5'000};
  // Called before every statement and commit, and after every commit; for tests that end the
  // process there. Only of what is done through the Database.
  std::function<void()> at_boundary = [] {};
};

class Database {
 public:
  // Opens it, makes the file (0600) where there is none, and checks that it is whole. kCorrupt: it
  // is not.
  [[nodiscard]] static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Kind kind() const { return kind_; }

  template <typename Work>
  std::invoke_result_t<Work&, Transaction&> Write(Work work) {
    return Run<std::invoke_result_t<Work&, Transaction&>>(Access::kWrite, work);
  }
  template <typename Work>
  std::invoke_result_t<Work&, Transaction&> Read(Work work) {
    return Run<std::invoke_result_t<Work&, Transaction&>>(Access::kRead, work);
  }

 private:
  enum class Access : std::uint8_t { kRead, kWrite };

  Database(Kind kind, std::unique_ptr<Pool> pool, std::function<void()> at_boundary);
  // Runs `work`, as often as it loses a race.
  Result<void> Transact(Access access, const std::function<Result<void>(Transaction&)>& work);

  template <typename Outcome, typename Work>
  Outcome Run(Access access, Work& work) {
    std::optional<Outcome> outcome;
    const Result<void> done = Transact(access, [&](Transaction& transaction) -> Result<void> {
      outcome.emplace(work(transaction));
      if (!*outcome) return Fail(outcome->error());
      return {};
    });
    if (!done) return Fail(done.error());
    return std::move(*outcome);
  }

  const Kind kind_;
  const std::unique_ptr<Pool> pool_;
  const std::function<void()> at_boundary_;
};

}  // namespace holdfast::store
