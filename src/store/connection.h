// Connection: one connection to a database, and all that is known of SOCI. Of the room alone.
// Single-threaded. See database.h for the errors.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/database.h"

namespace holdfast::store {

class Connection {
 public:
  enum class Begin : std::uint8_t { kRead, kWrite };

  // `target`: a path, or a URL of PostgreSQL.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> Open(Kind kind,
                                                                const std::string& target,
                                                                std::chrono::milliseconds wait_max);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> BeginTransaction(Begin begin);
  Result<void> Commit();
  void Rollback();

  Result<Rows> Query(std::string_view sql, const Values& values);
  Result<std::int64_t> Execute(std::string_view sql, const Values& values);

  // The last error was a lost race: the same work may succeed when it is run again.
  bool has_lost_race() const { return has_lost_race_; }
  // The server is no longer there: this connection is of no more use.
  bool is_broken() const { return is_broken_; }

 private:
  struct Session;
  Connection(Kind kind, std::unique_ptr<Session> session);
  template <typename Work>
  auto Guarded(Work work) -> decltype(work());

  const Kind kind_;
  std::unique_ptr<Session> session_;
  bool has_lost_race_ = false;
  bool is_broken_ = false;
};

}  // namespace holdfast::store
