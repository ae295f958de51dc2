#include "store/connection.h"

#include <exception>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/check.h"

namespace holdfast::store {
namespace {

// Primary result codes of SQLite (sqlite.org/rescode.html); the rest is in the upper bits.
constexpr int kSqlitePrimary = 0xFF;
constexpr int kSqliteBusy = 5;
constexpr int kSqliteLocked = 6;
constexpr int kSqliteReadOnly = 8;
constexpr int kSqliteIo = 10;
constexpr int kSqliteCorrupt = 11;
constexpr int kSqliteFull = 13;
constexpr int kSqliteCannotOpen = 14;
constexpr int kSqliteNotADatabase = 26;

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A message names tables and columns; a value of a row must not come into a log.
std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

ErrorCode CodeOfSqlite(int result, std::string_view message) {
  switch (result & kSqlitePrimary) {
    case kSqliteBusy:
    case kSqliteLocked:
      return ErrorCode::kResourceExhausted;
    case kSqliteFull:
      return ErrorCode::kDiskFull;
    case kSqliteCorrupt:
    case kSqliteNotADatabase:
      return ErrorCode::kCorrupt;
    case kSqliteCannotOpen:
    case kSqliteReadOnly:
      return ErrorCode::kPermissionDenied;
    case kSqliteIo:
      return ErrorCode::kIo;
    default:
      break;
  }
  if (Contains(message, "UNIQUE constraint failed")) return ErrorCode::kAlreadyExists;
  if (Contains(message, "constraint failed")) return ErrorCode::kFailedPrecondition;
  return ErrorCode::kInternal;
}

// PostgreSQL, appendix A: the first two characters are the class.
ErrorCode CodeOfPostgres(std::string_view state) {
  if (state == "23505") return ErrorCode::kAlreadyExists;
  if (state.starts_with("23")) return ErrorCode::kFailedPrecondition;
  if (state == "53100") return ErrorCode::kDiskFull;
  if (state.starts_with("53") || state == "55P03") return ErrorCode::kResourceExhausted;
  if (state.starts_with("08") || state.starts_with("57P")) return ErrorCode::kUnavailable;
  if (state.starts_with("28") || state == "42501") return ErrorCode::kPermissionDenied;
  if (state.starts_with("XX")) return ErrorCode::kCorrupt;
  if (state.starts_with("58")) return ErrorCode::kIo;
  return ErrorCode::kInternal;
}

// What an exception says.
struct Fault {
  Error error;
  bool is_lost_race = false;
};

Fault FaultOf(const std::exception& exception) {
  const std::string message = FirstLine(exception.what());
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&exception)) {
    return {{CodeOfSqlite(sqlite->result(), message), message}};
  }
  const auto* postgres = dynamic_cast<const soci::postgresql_soci_error*>(&exception);
  if (postgres == nullptr) return {{ErrorCode::kUnavailable, message}};
  const std::string state = postgres->sqlstate();
  // A connection that is lost has no state to tell.
  const bool is_lost = postgres->get_error_category() == soci::soci_error::connection_error ||
                       state.starts_with(' ') || state.empty();
  const ErrorCode code = is_lost ? ErrorCode::kUnavailable : CodeOfPostgres(state);
  return {{code, message}, state == "40001" || state == "40P01"};
}

Value CellOf(const soci::row& row, std::size_t column) {
  if (row.get_indicator(column) == soci::i_null) return {};
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_string:
      return row.get<std::string>(column);
    case soci::dt_integer:
      return row.get<int>(column);
    case soci::dt_long_long:
      return static_cast<std::int64_t>(row.get<long long>(column));
    default:
      CHECK(false);  // A column that is neither BIGINT nor TEXT.
      return {};
  }
}

// What a statement borrows while it runs.
struct Bound {
  long long number = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

std::vector<Bound> BindAll(soci::statement& statement, const Values& values) {
  std::vector<Bound> bound(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bound& one = bound[i];
    if (values[i].number() != nullptr) {
      one.number = *values[i].number();
      statement.exchange(soci::use(one.number));
      continue;
    }
    if (values[i].text() != nullptr) {
      one.text = *values[i].text();
    } else {
      one.indicator = soci::i_null;
    }
    statement.exchange(soci::use(one.text, one.indicator));
  }
  return bound;
}

}  // namespace

struct Connection::Session {
  Session(Kind kind, const std::string& target) {
    if (kind == Kind::kSqlite) {
      soci.open(soci::sqlite3, target);
    } else {
      soci.open(soci::postgresql, target);
    }
  }
  soci::session soci;
};

Connection::Connection(Kind kind, std::unique_ptr<Session> session)
    : kind_(kind), session_(std::move(session)) {}
Connection::~Connection() = default;

// SOCI throws; the exception ends here.
template <typename Work>
auto Connection::Guarded(Work work) -> decltype(work()) {
  has_lost_race_ = false;
  try {
    return work();
  } catch (const std::exception& exception) {
    Fault fault = FaultOf(exception);
    has_lost_race_ = fault.is_lost_race;
    is_broken_ = is_broken_ || fault.error.code == ErrorCode::kUnavailable;
    return Fail(std::move(fault.error));
  }
}

Result<std::unique_ptr<Connection>> Connection::Open(Kind kind, const std::string& target,
                                                     std::chrono::milliseconds wait_max) {
  std::unique_ptr<Session> session;
  try {
    const std::string place =
        kind == Kind::kSqlite ? fmt::format("dbname=\"{}\" synchronous=full", target) : target;
    session = std::make_unique<Session>(kind, place);
  } catch (const std::exception& exception) {
    const Error error = FaultOf(exception).error;
    return Fail(error.code, "cannot open the database: {}", error.message);
  }
  std::unique_ptr<Connection> connection(new Connection(kind, std::move(session)));
  std::vector<std::string> settings;
  if (kind == Kind::kSqlite) {
    // What was deleted is overwritten, and no temporary file ever holds a row.
    settings = {fmt::format("PRAGMA busy_timeout = {}", wait_max.count()),
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA secure_delete = ON",
                "PRAGMA temp_store = MEMORY",
                "PRAGMA trusted_schema = OFF"};
  } else {
    settings = {fmt::format("SET lock_timeout = {}", wait_max.count()),
                "SET client_min_messages = warning"};
  }
  for (const std::string& setting : settings) {
    const Result<Rows> set = kind == Kind::kSqlite ? connection->Query(setting, {}) : Rows{};
    if (!set) return Fail(set.error());
    if (kind == Kind::kPostgres) TRY(connection->Execute(setting, {}));
  }
  return connection;
}

Result<void> Connection::BeginTransaction(Begin begin) {
  std::string_view sql = "BEGIN";
  if (kind_ == Kind::kSqlite) {
    // A writer waits for its turn here, not in the middle of its work.
    sql = begin == Begin::kWrite ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED";
  } else {
    sql = begin == Begin::kWrite ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                                 : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  }
  TRY(Execute(sql, {}));
  return {};
}

Result<void> Connection::Commit() {
  TRY(Execute("COMMIT", {}));
  return {};
}

void Connection::Rollback() {
  if (is_broken_) return;
  const bool had_lost_race = has_lost_race_;
  // It fails where SQLite has rolled back by itself.
  const Result<std::int64_t> undone = Execute("ROLLBACK", {});
  has_lost_race_ = had_lost_race;
  if (!undone && kind_ == Kind::kPostgres) is_broken_ = true;
}

Result<Rows> Connection::Query(std::string_view sql, const Values& values) {
  return Guarded([&]() -> Result<Rows> {
    soci::statement statement(session_->soci);
    statement.alloc();
    const std::vector<Bound> bound = BindAll(statement, values);
    soci::row row;
    statement.exchange(soci::into(row));
    statement.prepare(std::string(sql));
    statement.define_and_bind();
    statement.execute(false);
    Rows rows;
    while (statement.fetch()) {
      if (rows.size() == kRowsMax) {
        return Fail(ErrorCode::kTooLarge, "an answer of more than {} rows", kRowsMax);
      }
      std::vector<Value> cells;
      cells.reserve(row.size());
      for (std::size_t i = 0; i < row.size(); ++i) cells.push_back(CellOf(row, i));
      rows.emplace_back(std::move(cells));
    }
    return rows;
  });
}

Result<std::int64_t> Connection::Execute(std::string_view sql, const Values& values) {
  return Guarded([&]() -> Result<std::int64_t> {
    soci::statement statement(session_->soci);
    statement.alloc();
    const std::vector<Bound> bound = BindAll(statement, values);
    statement.prepare(std::string(sql));
    statement.define_and_bind();
    statement.execute(true);
    return statement.get_affected_rows();
  });
}

}  // namespace holdfast::store
