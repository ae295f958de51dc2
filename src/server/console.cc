#include "server/console.h"

#include <fmt/format.h>

#include "accounts/backup_book.h"
#include "accounts/links.h"
#include "accounts/passkeys.h"
#include "accounts/people.h"
#include "accounts/second_factor.h"
#include "accounts/sessions.h"
#include "crypto/encoding.h"
#include "crypto/instance_key.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

constexpr const char* kActor = "console";
constexpr accounts::TimeMs kDayMs = 24LL * 60 * 60 * 1000;

// Of an Outcome, for who sits at the machine.
template <typename T>
Result<T> ToResult(accounts::Outcome<T> outcome) {
  if (outcome) {
    if constexpr (std::is_void_v<T>) return {};
    if constexpr (!std::is_void_v<T>) return std::move(*outcome);
  }
  return Fail(ErrorCode::kIo, "{} {}", Word(outcome.error().reason), outcome.error().detail);
}

Result<json::Object> MakeSetUpLink(const ConsoleTools& tools) {
  accounts::People people(tools.database);
  TRY_ASSIGN(const bool has_operator, ToResult(people.HasOperator()));
  if (has_operator) {
    return Fail(ErrorCode::kFailedPrecondition,
                "there is an operator; `holdfast admin reset-operator` is the way back in");
  }
  TRY(tools.audit.Append({audit::EventKind::kSetupLinkMade, kActor, {}, {}}));
  accounts::Links links(tools.database);
  TRY_ASSIGN(const Secret token,
             ToResult(links.Make(accounts::LinkKind::kSetUp, "", WallClockMs())));
  return json::Object{
      {"link", fmt::format("{}/#/setup?token={}", tools.public_url, token.Reveal())}};
}

Result<accounts::Account> FindOperator(const ConsoleTools& tools, std::string_view name) {
  accounts::People people(tools.database);
  TRY_ASSIGN(const auto found, ToResult(people.FindToLogIn(name)));
  if (!found) return Fail(ErrorCode::kNotFound, "there is no account {}", name);
  if (found->account.role != accounts::Role::kOperator) {
    return Fail(ErrorCode::kFailedPrecondition, "{} is no operator", name);
  }
  return found->account;
}

Result<json::Object> ResetOperator(const ConsoleTools& tools, const json::Object& question) {
  TRY_ASSIGN(const std::string name, json::RequireString(question, "name"));
  TRY_ASSIGN(const accounts::Account account, FindOperator(tools, name));
  TRY(tools.audit.Append({audit::EventKind::kOperatorReset, kActor, account.id, {}}));
  // Removing a second factor needs no data key.
  accounts::SecondFactor second_factor(
      tools.database, [](std::string_view) -> Result<std::shared_ptr<const crypto::DataKey>> {
        return Fail(ErrorCode::kNotFound, "no keys here");
      });
  TRY(ToResult(second_factor.Remove(account.id)));
  accounts::Passkeys passkeys(tools.database);
  TRY_ASSIGN(const auto list, ToResult(passkeys.List(account.id)));
  for (const accounts::PasskeyInfo& one : list) {
    TRY(ToResult(passkeys.Remove(account.id, one.id)));
  }
  accounts::Sessions sessions(tools.database);
  TRY(ToResult(sessions.EndOthers(account.id, "")));
  accounts::Links links(tools.database);
  TRY_ASSIGN(const Secret token,
             ToResult(links.Make(accounts::LinkKind::kResetPassword, account.id, WallClockMs())));
  return json::Object{
      {"link", fmt::format("{}/#/reset?token={}", tools.public_url, token.Reveal())}};
}

Result<json::Object> RotateKeys(const ConsoleTools& tools) {
  if (tools.ring == nullptr) {
    return Fail(ErrorCode::kNotFound, "there is no key ring {}", tools.files.ring.string());
  }
  TRY(tools.audit.Append({audit::EventKind::kKeysRotated, kActor, {}, {}}));
  TRY_ASSIGN(const crypto::RotateSummary summary,
             crypto::RotateInstanceKey(*tools.ring, tools.files));
  TRY_ASSIGN(
      const crypto::DataKey key,
      crypto::LoadOrMakeInstanceKey(tools.files.instance_key, tools.files.credentials_folder));
  return json::Object{{"id", crypto::EncodeHex(crypto::KeyId(key))},
                      {"rewrapped", summary.rewrapped},
                      {"unreadable", summary.unreadable}};
}

Result<json::Object> NoteBackup(const ConsoleTools& tools, const json::Object& question) {
  constexpr std::int64_t kDaysMax = 36'500;
  TRY_ASSIGN(const std::int64_t days, json::RequireInt(question, "keep_days", 1, kDaysMax));
  TRY(tools.audit.Append(
      {audit::EventKind::kBackupMade, kActor, {}, {{"keep_days", std::to_string(days)}}}));
  accounts::BackupBook book(tools.database);
  const accounts::TimeMs now = WallClockMs();
  TRY(ToResult(book.Note({.made_at = now, .kept_until = now + days * kDayMs})));
  return json::Object{};
}

}  // namespace

Result<json::Object> DoAtConsole(const ConsoleTools& tools, const json::Object& question) {
  TRY_ASSIGN(const std::string act, json::RequireString(question, "act"));
  if (act == "setup-link") return MakeSetUpLink(tools);
  if (act == "reset-operator") return ResetOperator(tools, question);
  if (act == "rotate-keys") return RotateKeys(tools);
  if (act == "note-backup") return NoteBackup(tools, question);
  return Fail(ErrorCode::kInvalidArgument, "there is no act {}", act);
}

}  // namespace holdfast::server
