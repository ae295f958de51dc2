#include "server/mail_carrier.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/secret_file.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

// What an error of mail::Send says of: the mail server or how it is set up, which costs the mail
// nothing; this mail alone; or either.
enum class Cause : std::uint8_t { kServer, kMail, kEither };

Cause CauseOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kCancelled:
      return Cause::kServer;
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTooLarge:
      return Cause::kMail;
    default:
      return Cause::kEither;
  }
}

}  // namespace

Result<std::optional<mail::SmtpOptions>> ReadMailServer(const AccountsConfig& config) {
  if (config.smtp_url.empty()) return std::nullopt;
  mail::SmtpOptions options;
  options.url = config.smtp_url;
  options.user = config.smtp_user;
  options.from = config.mail_from;
  options.tls_ca_file = config.smtp_tls_ca_file;
  if (!config.smtp_password_file.empty()) {
    TRY_ASSIGN(options.password, ReadSecretLine(config.smtp_password_file));
  }
  if (const Result<void> checked = mail::CheckOptions(options); !checked) {
    return Fail(checked.error().code,
                "accounts.smtp_url, smtp_user, smtp_password_file and mail_from: {}",
                checked.error().message);
  }
  return options;
}

std::chrono::milliseconds MailRounds::Run(accounts::TimeMs now, const std::stop_token& stop) {
  Prune(now);
  if (!smtp_) return std::chrono::milliseconds(kPruneWaitMs);
  wait_ = Carry(now, stop) ? kRoundWaitMin : std::min(2 * wait_, kRoundWaitMax);
  return wait_;
}

void MailRounds::Prune(accounts::TimeMs now) {
  if (pruned_at_ && now < *pruned_at_ + kPruneWaitMs) return;
  pruned_at_ = now;
  const auto outbox = outbox_.Prune(now);
  const auto ledger = ledger_.Prune(now);
  if (!outbox || !ledger) {
    log::warn("old mail and old use could not be cleared away: {}",
              (!outbox ? outbox : ledger).error().detail);
  }
}

// False: the rest would fare no better now.
bool MailRounds::Carry(accounts::TimeMs now, const std::stop_token& stop) {
  if (!sent_id_.empty() && !WriteDownSent(now)) return false;
  const auto due = outbox_.Due(kMailsARoundMax, now);
  if (!due) return false;
  return std::ranges::all_of(*due,
                             [&](const accounts::Mail& mail) { return CarryOne(mail, now, stop); });
}

bool MailRounds::CarryOne(const accounts::Mail& mail, accounts::TimeMs now,
                          const std::stop_token& stop) {
  const mail::Message message{.id = mail.id,
                              .to = mail.to,
                              .subject = mail.subject,
                              .text = mail.text,
                              .written_at = mail.created_at};
  const Result<void> sent = mail::Send(*smtp_, message, stop);
  Tell(sent);
  if (sent) {
    sent_id_ = mail.id;
    return WriteDownSent(now);
  }
  const Cause cause = CauseOf(sent.error().code);
  if (cause == Cause::kServer) return false;
  const bool is_marked = outbox_.MarkFailed(mail.id, sent.error().message).has_value();
  return is_marked && cause == Cause::kMail;
}

bool MailRounds::WriteDownSent(accounts::TimeMs now) {
  if (!outbox_.MarkSent(sent_id_, now)) return false;
  sent_id_.clear();
  return true;
}

// Once when it begins and once when it is over; what became of a mail stands in the outbox.
void MailRounds::Tell(const Result<void>& sent) {
  const bool is_well = sent || CauseOf(sent.error().code) != Cause::kServer;
  if (is_well && !std::exchange(is_server_well_, true)) log::info("mail goes out again");
  if (is_well || sent.error().code == ErrorCode::kCancelled) return;
  if (std::exchange(is_server_well_, false)) {
    log::warn("mail waits in the outbox: {}", sent.error().message);
  }
}

MailCarrier::MailCarrier(accounts::Outbox& outbox, accounts::Ledger& ledger,
                         std::optional<mail::SmtpOptions> smtp)
    : rounds_(outbox, ledger, std::move(smtp)),
      thread_([this](const std::stop_token& stop) { Work(stop); }) {}

void MailCarrier::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void MailCarrier::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::chrono::milliseconds wait = rounds_.Run(WallClockMs(), stop);
    std::unique_lock lock(mutex_);
    waiting_.wait_for(lock, stop, wait, [] { return false; });
  }
}

}  // namespace holdfast::server
