#include "server/account_office.h"

#include <utility>

#include <unistd.h>

#include "base/log.h"
#include "crypto/owned_file.h"
#include "server/rooms_schema.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

Error ToError(const accounts::Refused& refused) {
  return MakeError(ErrorCode::kIo, "{} {}", Word(refused.reason), refused.detail);
}

// A rotation that was cut off goes on: until its end the ring holds the old instance key too, under
// the new one. Without the end all else works, so it is no reason not to start.
Result<std::unique_ptr<crypto::KeyRing>> OpenRing(const crypto::KeyFiles& files) {
  TRY_ASSIGN(std::unique_ptr<crypto::KeyRing> ring, crypto::OpenKeyRing(files));
  if (!ring->is_rotating()) return ring;
  const Result<crypto::RotateSummary> summary = crypto::RotateInstanceKey(*ring, files);
  if (!summary) {
    log::warn("a new instance key was not put to use to its end: {}", summary.error().message);
    return ring;
  }
  log::info("a new instance key is in use after a rotation that was cut off, {} keys rewrapped",
            summary->rewrapped);
  return ring;
}

}  // namespace

crypto::KeyFiles KeyFilesIn(const std::filesystem::path& state_dir) {
  return {.ring = state_dir / "keys", .instance_key = state_dir / "instance.key"};
}

std::string DatabaseUrl(const AccountsConfig& config, const std::filesystem::path& state_dir) {
  if (!config.database.empty()) return config.database;
  return "sqlite:" + (state_dir / "holdfast.db").string();
}

std::string PublicUrl(const Config& config) {
  std::string url = config.accounts.public_url;
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty()) return url;
  const bool is_encrypted = !config.gateway.tls_certificate.empty();
  return (is_encrypted ? "https://" : "http://") + config.gateway.listen;
}

Result<AnonymousUse> ReadAnonymousUse(const AccountsConfig& config) {
  if (config.anonymous == "off") return AnonymousUse::kOff;
  if (config.anonymous == "local") return AnonymousUse::kLocal;
  if (config.anonymous == "everyone") return AnonymousUse::kEveryone;
  return Fail(ErrorCode::kInvalidArgument, "accounts.anonymous is off, local or everyone");
}

Result<std::unique_ptr<AccountOffice>> AccountOffice::Open(const Config& config,
                                                           const std::filesystem::path& state_dir,
                                                           const crypto::HashKey& key) {
  const auto connections = static_cast<std::size_t>(config.accounts.database_connections);
  accounts::AccountsOptions options;
  options.public_url = PublicUrl(config);
  options.is_public_url_set = !config.accounts.public_url.empty();
  if (options.is_public_url_set && !accounts::RelyingPartyOf(options.public_url)) {
    log::warn("there are no passkeys: accounts.public_url is not https:// and a name");
  }
  const std::optional<accounts::Mode> mode = accounts::FindMode(config.accounts.registration);
  if (!mode) {
    return Fail(ErrorCode::kInvalidArgument, "accounts.registration: there is no mode {}",
                config.accounts.registration);
  }
  options.mode = *mode;
  if (config.accounts.tokens_per_day > 0) {
    options.quota.tokens_per_day = config.accounts.tokens_per_day;
  }
  if (config.accounts.requests_at_once > 0) {
    options.quota.requests_at_once = config.accounts.requests_at_once;
  }
  options.probation_ms = config.accounts.probation_hours * 60 * 60 * 1000;
  options.cost =
      crypto::CalibrateCost(std::chrono::milliseconds(config.accounts.password_ms),
                            static_cast<std::size_t>(config.accounts.password_memory_mib) << 20);

  TRY_ASSIGN(std::optional<mail::SmtpOptions> mail_server, ReadMailServer(config.accounts));

  options.has_mail_server = mail_server.has_value();

  std::unique_ptr<AccountOffice> office(new AccountOffice);
  TRY_ASSIGN(office->database_,
             store::Database::Open(
                 {.url = DatabaseUrl(config.accounts, state_dir), .connections = connections}));
  TRY(MigrateRooms(*office->database_));
  TRY_ASSIGN(office->ring_, OpenRing(KeyFilesIn(state_dir)));
  TRY_ASSIGN(office->audit_, audit::Log::Open(state_dir / "audit.log"));
  TRY_ASSIGN(office->board_, accounts::UsageBoard::Open(state_dir / "usage.board"));
  TRY_ASSIGN(office->accounts_,
             accounts::Accounts::Open(*office->database_, *office->ring_, *office->audit_, key,
                                      std::move(options), WallClockMs()));
  // One thread more than connections hashes passwords while all of them are in use.
  constexpr std::size_t kQueueMax = 4096;
  office->pool_ = std::make_unique<net::BlockingPool>(
      net::BlockingPool::Options{.thread_count = connections + 1, .queue_max = kQueueMax});
  TRY(office->ChargeUnfinished());
  TRY(office->OfferSetUp(state_dir));
  office->carrier_ = std::make_unique<MailCarrier>(
      office->accounts_->outbox(), office->accounts_->ledger(), std::move(mail_server));
  return office;
}

// Of an office that could not be opened, a part may be missing.
void AccountOffice::Stop() {
  if (carrier_ != nullptr) carrier_->Stop();
  if (pool_ != nullptr) pool_->Stop();
}

net::Awaitable<void> AccountOffice::RecordRegistration(guard::SignUpRung from,
                                                       guard::SignUpRung to) {
  auto record = [this, from, to] {
    return accounts_->Record(audit::EventKind::kRegistrationModeChanged, "system", {},
                             {{"by", "guard"},
                              {"from", std::string(guard::SignUpRungWord(from))},
                              {"to", std::string(guard::SignUpRungWord(to))}});
  };
  const auto recorded = co_await pool_->Run(std::move(record));
  if (!recorded || !*recorded) log::warn("a change of registration is missing in the audit log");
}

Result<void> AccountOffice::ChargeUnfinished() {
  const std::vector<accounts::Usage> unfinished = board_->TakeUnfinished();
  for (const accounts::Usage& usage : unfinished) {
    if (usage.output_tokens == 0) continue;  // Nothing was relayed.
    const auto charged = accounts_->ledger().Charge(usage, true, WallClockMs());
    if (!charged) return Fail(ToError(charged.error()));
  }
  board_->ClearUnfinished();
  if (!unfinished.empty()) {
    log::info("{} answers were cut off when this process ended last; what was relayed is charged",
              unfinished.size());
  }
  return {};
}

ConsoleTools AccountOffice::console_tools(const std::filesystem::path& state_dir) {
  return {.database = *database_,
          .audit = *audit_,
          .files = KeyFilesIn(state_dir),
          .ring = ring_.get(),
          .public_url = accounts_->public_url()};
}

Result<void> AccountOffice::OfferSetUp(const std::filesystem::path& state_dir) {
  const std::filesystem::path path = state_dir / "setup-link";
  const auto link = accounts_->SetUpLink(WallClockMs());
  if (!link) {
    if (link.error().reason != Reason::kConflict) return Fail(ToError(link.error()));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return {};
  }
  // Whoever can read it becomes the operator.
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  TRY(crypto::MakeOwned(path, *link + "\n"));
  log::info("there is no operator yet: open the link in {} within an hour", path.string());
  // A log may be read by others; a terminal is the operator's.
  if (::isatty(STDERR_FILENO) == 1) {
    const std::string line = "\n  Become the operator: " + *link + "\n\n";
    static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
  }
  return {};
}

}  // namespace holdfast::server
