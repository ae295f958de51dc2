// AccountOffice: all that a gateway has of accounts: the database, the ring of keys, the board of
// usage, threads for what blocks, and one that carries mail. Opened once at start; Stop before the
// I/O threads end.
//
// In the state folder: holdfast.db (unless another database is configured), instance.key, keys,
// usage.board, audit.log, and setup-link until there is an operator.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "accounts/accounts.h"
#include "accounts/usage_board.h"
#include "api/account/desk_call.h"
#include "base/result.h"
#include "crypto/key_ring.h"
#include "crypto/key_rotation.h"
#include "net/blocking_pool.h"
#include "server/authenticator.h"
#include "server/config.h"
#include "server/console.h"
#include "server/mail_carrier.h"
#include "server/requests_at_once.h"
#include "server/wall_clock.h"
#include "store/database.h"

namespace holdfast::server {

// accounts.database or its default.
std::string DatabaseUrl(const AccountsConfig& config, const std::filesystem::path& state_dir);
crypto::KeyFiles KeyFilesIn(const std::filesystem::path& state_dir);
// accounts.public_url, or where the gateway listens.
std::string PublicUrl(const Config& config);
[[nodiscard]] Result<AnonymousUse> ReadAnonymousUse(const AccountsConfig& config);

class AccountOffice {
 public:
  // What the process before left unfinished is charged. The key must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<AccountOffice>> Open(
      const Config& config, const std::filesystem::path& state_dir, const crypto::HashKey& key);
  ~AccountOffice() { Stop(); }
  AccountOffice(const AccountOffice&) = delete;
  AccountOffice& operator=(const AccountOffice&) = delete;

  accounts::Accounts& accounts() { return *accounts_; }
  accounts::UsageBoard& board() { return *board_; }
  store::Database& database() { return *database_; }
  crypto::KeyRing& ring() { return *ring_; }
  net::BlockingPool& pool() { return *pool_; }
  // What the console acts on.
  ConsoleTools console_tools(const std::filesystem::path& state_dir);
  RequestsAtOnce& requests_at_once() { return requests_at_once_; }
  // `guard`: what it makes of registrations now.
  api::AccountDesk desk(std::function<api::GuardRegistration()> guard) {
    return {*accounts_, *pool_, WallClockMs, std::move(guard)};
  }
  // Into the audit log, on the pool.
  net::Awaitable<void> RecordRegistration(guard::SignUpRung from, guard::SignUpRung to);

  void Stop();

 private:
  AccountOffice() = default;
  Result<void> ChargeUnfinished();
  Result<void> OfferSetUp(const std::filesystem::path& state_dir);

  std::unique_ptr<store::Database> database_;
  std::unique_ptr<crypto::KeyRing> ring_;
  std::unique_ptr<audit::Log> audit_;
  std::unique_ptr<accounts::UsageBoard> board_;
  std::unique_ptr<accounts::Accounts> accounts_;
  std::unique_ptr<net::BlockingPool> pool_;
  RequestsAtOnce requests_at_once_;
  std::unique_ptr<MailCarrier> carrier_;
};

}  // namespace holdfast::server
