// MailCarrier: takes mail from the outbox to the mail server, and clears away once an hour what
// outbox and ledger keep no longer. Without a mail server mail stays in the outbox, where operators
// read it. It has one thread, from when it is made until Stop, which ends what it waits for at
// once.
//
// What the outbox is given goes out with the next round. Rounds come every kRoundWaitMin; while the
// mail server is away or refuses the login, they come less often, up to kRoundWaitMax, and no mail
// loses an attempt. A mail that is refused, put off, or during which the connection broke off is
// marked so, and waits as the outbox says. A mail goes out at least once: if this machine dies
// between the server's word and ours, twice, with one Message-ID.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "accounts/ledger.h"
#include "accounts/outbox.h"
#include "mail/smtp.h"
#include "server/config.h"

namespace holdfast::server {

// The mail server of accounts.smtp_url; nullopt: there is none. Reads the password's file. Errors:
// kInvalidArgument and those of the file, naming the setting or the file.
[[nodiscard]] Result<std::optional<mail::SmtpOptions>> ReadMailServer(const AccountsConfig& config);

// The carrier's work without its thread. Single-threaded; blocks. What it is given must outlive it.
class MailRounds {
 public:
  static constexpr std::size_t kMailsARoundMax = 50;
  static constexpr std::chrono::milliseconds kRoundWaitMin{2'000};
  static constexpr std::chrono::milliseconds kRoundWaitMax{60'000};
  static constexpr accounts::TimeMs kPruneWaitMs = 60LL * 60 * 1000;

  MailRounds(accounts::Outbox& outbox, accounts::Ledger& ledger,
             std::optional<mail::SmtpOptions> smtp)
      : outbox_(outbox), ledger_(ledger), smtp_(std::move(smtp)) {}

  // One round, of what is due. Returns how long to wait before the next.
  std::chrono::milliseconds Run(accounts::TimeMs now, const std::stop_token& stop);

 private:
  void Prune(accounts::TimeMs now);
  bool Carry(accounts::TimeMs now, const std::stop_token& stop);
  bool CarryOne(const accounts::Mail& mail, accounts::TimeMs now, const std::stop_token& stop);
  bool WriteDownSent(accounts::TimeMs now);
  void Tell(const Result<void>& sent);

  accounts::Outbox& outbox_;
  accounts::Ledger& ledger_;
  const std::optional<mail::SmtpOptions> smtp_;
  std::chrono::milliseconds wait_ = kRoundWaitMin;
  std::optional<accounts::TimeMs> pruned_at_;
  // Sent, but the store was down when that was to be written: nothing else is sent before it is.
  std::string sent_id_;
  bool is_server_well_ = true;  // As the log says.
};

class MailCarrier {
 public:
  MailCarrier(accounts::Outbox& outbox, accounts::Ledger& ledger,
              std::optional<mail::SmtpOptions> smtp);
  ~MailCarrier() { Stop(); }
  MailCarrier(const MailCarrier&) = delete;
  MailCarrier& operator=(const MailCarrier&) = delete;

  // Returns when the thread has ended.
  void Stop();

 private:
  void Work(const std::stop_token& stop);

  MailRounds rounds_;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::jthread thread_;
};

}  // namespace holdfast::server
