#include "store/database.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "store/connection.h"

namespace holdfast::store {
namespace {

constexpr std::string_view kSqlitePrefix = "sqlite:";
constexpr int kRacesMax = 10;

// For its owner alone from the first byte on; SQLite gives its other files the same mode.
Result<void> MakeFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Fail(ErrnoError("open " + path));
  ::close(fd);
  return {};
}

Result<void> CheckWhole(Connection& connection, const std::string& path) {
  TRY_ASSIGN(const Rows rows, connection.Query("PRAGMA quick_check(1)", {}));
  if (rows.empty() || rows[0].Text(0) != "ok") {
    return Fail(ErrorCode::kCorrupt, "{} is damaged: {}", path,
                rows.empty() ? "no answer" : rows[0].Text(0));
  }
  return {};
}

}  // namespace

// Connections that nobody uses now, and how many there are. Of SQLite at most one writes: those
// who wait for it wait here, in turn, not in the database, which lets them starve.
class Pool {
 public:
  Pool(Kind kind, std::string target, const DatabaseOptions& options)
      : kind_(kind),
        target_(std::move(target)),
        count_max_(std::max<std::size_t>(options.connections, 2)),
        wait_max_(options.wait_max) {}

  Result<std::unique_ptr<Connection>> Take(bool is_write) {
    std::unique_lock lock(mutex_);
    const bool is_exclusive = is_write && kind_ == Kind::kSqlite;
    const auto is_free = [&] { return used_ < count_max_ && !(is_exclusive && has_writer_); };
    if (!changed_.wait_for(lock, wait_max_, is_free)) {
      return Fail(ErrorCode::kResourceExhausted, "no connection to the database within {} ms",
                  wait_max_.count());
    }
    ++used_;
    if (is_exclusive) has_writer_ = true;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    lock.unlock();
    Result<std::unique_ptr<Connection>> opened = Connection::Open(kind_, target_, wait_max_);
    if (!opened) Give(nullptr, is_write);
    return opened;
  }

  void Give(std::unique_ptr<Connection> connection, bool is_write) {
    {
      const std::lock_guard lock(mutex_);
      --used_;
      if (is_write) has_writer_ = false;
      // One that broke tells nothing of the others, but they were opened to the same server.
      if (connection != nullptr && connection->is_broken()) idle_.clear();
      if (connection != nullptr && !connection->is_broken()) idle_.push_back(std::move(connection));
    }
    changed_.notify_all();
  }

 private:
  const Kind kind_;
  const std::string target_;
  const std::size_t count_max_;
  const std::chrono::milliseconds wait_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t used_ = 0;
  bool has_writer_ = false;
};

namespace {

class Loan {
 public:
  Loan(Pool& pool, std::unique_ptr<Connection> connection, bool is_write)
      : pool_(pool), connection_(std::move(connection)), is_write_(is_write) {}
  ~Loan() { pool_.Give(std::move(connection_), is_write_); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }

 private:
  Pool& pool_;
  std::unique_ptr<Connection> connection_;
  const bool is_write_;
};

}  // namespace

Result<Rows> Transaction::Query(std::string_view sql, const Values& values) {
  at_boundary_();
  return connection_.Query(sql, values);
}

Result<std::optional<Row>> Transaction::QueryOne(std::string_view sql, const Values& values) {
  TRY_ASSIGN(Rows rows, Query(sql, values));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

Result<std::int64_t> Transaction::Execute(std::string_view sql, const Values& values) {
  at_boundary_();
  return connection_.Execute(sql, values);
}

Database::Database(Kind kind, std::unique_ptr<Pool> pool, std::function<void()> at_boundary)
    : kind_(kind), pool_(std::move(pool)), at_boundary_(std::move(at_boundary)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  const bool is_sqlite = options.url.starts_with(kSqlitePrefix);
  const bool is_postgres =
      options.url.starts_with("postgresql:") || options.url.starts_with("postgres:");
  if (!is_sqlite && !is_postgres) {
    // The URL may hold a password.
    return Fail(ErrorCode::kInvalidArgument,
                "the database is \"sqlite:FILE\" or \"postgresql://...\"");
  }
  const Kind kind = is_sqlite ? Kind::kSqlite : Kind::kPostgres;
  const std::string target = is_sqlite ? options.url.substr(kSqlitePrefix.size()) : options.url;
  if (is_sqlite) TRY(MakeFile(target));
  auto pool = std::make_unique<Pool>(kind, target, options);
  TRY_ASSIGN(std::unique_ptr<Connection> first, pool->Take(false));
  const Result<void> checked = is_sqlite ? CheckWhole(*first, target) : Result<void>{};
  pool->Give(std::move(first), false);
  if (!checked) return Fail(checked.error());
  return std::unique_ptr<Database>(new Database(kind, std::move(pool), options.at_boundary));
}

Result<void> Database::Transact(Access access,
                                const std::function<Result<void>(Transaction&)>& work) {
  const bool is_write = access == Access::kWrite;
  const auto begin = is_write ? Connection::Begin::kWrite : Connection::Begin::kRead;
  for (int race = 1;; ++race) {
    TRY_ASSIGN(std::unique_ptr<Connection> taken, pool_->Take(is_write));
    Loan connection(*pool_, std::move(taken), is_write);
    Result<void> done = connection->BeginTransaction(begin);
    if (done) {
      Transaction transaction(*connection, at_boundary_);
      done = work(transaction);
      at_boundary_();
      if (done) done = connection->Commit();
      if (done) at_boundary_();
      if (done) return {};
      connection->Rollback();
    }
    if (!connection->has_lost_race()) return done;
    if (race == kRacesMax) {
      return Fail(ErrorCode::kResourceExhausted, "lost {} races with other transactions", race);
    }
  }
}

}  // namespace holdfast::store
