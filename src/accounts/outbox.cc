#include "accounts/outbox.h"

#include <fmt/format.h>

#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

constexpr TimeMs kFirstRetryMs = 30'000;

constexpr std::string_view kColumns =
    "id, recipient, subject, body, created_at, sent_at, attempts, error";

std::vector<Mail> MailOf(const store::Rows& rows) {
  std::vector<Mail> mail;
  for (const Row& row : rows) {
    mail.push_back({row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Number(4),
                    row.OptionalNumber(5), row.Number(6), row.OptionalText(7)});
  }
  return mail;
}

}  // namespace

Outcome<void> Outbox::Put(std::string_view to, std::string_view subject, std::string_view text,
                          TimeMs now) {
  const Result<void> put = database_.Write([&](Transaction& t) -> Result<void> {
    TRY_ASSIGN(const auto all, t.QueryOne("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL"));
    TRY_ASSIGN(const auto own, t.QueryOne("SELECT COUNT(*) FROM outbox WHERE recipient = :to"
                                          " AND created_at > :since",
                                          {to, now - 60 * 60 * 1000}));
    if (all->Number(0) >= kWaitingMax || own->Number(0) >= kWaitingPerAddressMax) return {};
    TRY(
        t.Execute("INSERT INTO outbox (id, recipient, subject, body, created_at, attempts)"
                  " VALUES (:id, :to, :subject, :body, :now, 0)",
                  {crypto::RandomToken(16), to, subject, text, now}));
    return {};
  });
  if (!put) return std::unexpected(ToRefused(put.error()));
  return {};
}

Outcome<std::vector<Mail>> Outbox::Due(std::size_t count_max, TimeMs now) {
  const std::string sql = fmt::format(
      "SELECT {} FROM outbox WHERE sent_at IS NULL AND attempts < :attempts"
      " ORDER BY attempts, created_at LIMIT {}",
      kColumns, count_max);
  TRY_STORE(const store::Rows rows,
            database_.Read([&](Transaction& t) { return t.Query(sql, {kAttemptsMax}); }));
  std::vector<Mail> mail = MailOf(rows);
  std::erase_if(mail, [&](const Mail& one) {
    const TimeMs wait = one.attempts == 0 ? 0 : kFirstRetryMs << (one.attempts - 1);
    return one.created_at + wait > now;
  });
  return mail;
}

Outcome<void> Outbox::MarkSent(std::string_view id, TimeMs now) {
  const auto marked = database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE outbox SET sent_at = :now, body = '', error = NULL WHERE id = :id",
                     {now, id});
  });
  if (!marked) return std::unexpected(ToRefused(marked.error()));
  return {};
}

Outcome<void> Outbox::MarkFailed(std::string_view id, std::string_view error) {
  const auto marked = database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE outbox SET attempts = attempts + 1, error = :error WHERE id = :id",
                     {error, id});
  });
  if (!marked) return std::unexpected(ToRefused(marked.error()));
  return {};
}

Outcome<std::vector<Mail>> Outbox::List(std::size_t count_max) {
  const std::string sql = fmt::format("SELECT {} FROM outbox ORDER BY created_at DESC, id LIMIT {}",
                                      kColumns, count_max);
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) { return t.Query(sql); }));
  return MailOf(rows);
}

Outcome<void> Outbox::Prune(TimeMs now) {
  const auto pruned = database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM outbox WHERE created_at < :before", {now - kKept});
  });
  if (!pruned) return std::unexpected(ToRefused(pruned.error()));
  return {};
}

}  // namespace holdfast::accounts
