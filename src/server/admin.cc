#include "server/admin.h"

#include <fmt/format.h>

#include "accounts/links.h"
#include "accounts/people.h"
#include "accounts/second_factor.h"
#include "accounts/sessions.h"
#include "server/account_office.h"
#include "server/rooms_schema.h"
#include "server/run_files.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

Result<std::unique_ptr<store::Database>> OpenDatabase(const Config& config) {
  TRY_ASSIGN(const std::filesystem::path state_dir, MakeStateDir(config.up));
  TRY_ASSIGN(auto database,
             store::Database::Open({.url = DatabaseUrl(config.accounts, state_dir)}));
  TRY(MigrateRooms(*database));
  return database;
}

// Of an Outcome, for who sits at the machine.
template <typename T>
Result<T> ToResult(accounts::Outcome<T> outcome) {
  if (outcome) {
    if constexpr (std::is_void_v<T>) return {};
    if constexpr (!std::is_void_v<T>) return std::move(*outcome);
  }
  return Fail(ErrorCode::kIo, "{} {}", Word(outcome.error().reason), outcome.error().detail);
}

}  // namespace

Result<std::string> MakeSetUpLink(const Config& config) {
  TRY_ASSIGN(const auto database, OpenDatabase(config));
  accounts::People people(*database);
  TRY_ASSIGN(const bool has_operator, ToResult(people.HasOperator()));
  if (has_operator) {
    return Fail(ErrorCode::kFailedPrecondition,
                "there is an operator; `holdfast admin reset-operator` is the way back in");
  }
  accounts::Links links(*database);
  TRY_ASSIGN(const Secret token,
             ToResult(links.Make(accounts::LinkKind::kSetUp, "", WallClockMs())));
  return fmt::format("{}/#/setup?token={}", PublicUrl(config), token.Reveal());
}

Result<std::string> ResetOperator(const Config& config, std::string_view name) {
  TRY_ASSIGN(const auto database, OpenDatabase(config));
  accounts::People people(*database);
  TRY_ASSIGN(const auto found, ToResult(people.FindToLogIn(name)));
  if (!found) return Fail(ErrorCode::kNotFound, "there is no account {}", name);
  const accounts::Account& account = found->account;
  if (account.role != accounts::Role::kOperator) {
    return Fail(ErrorCode::kFailedPrecondition, "{} is no operator", name);
  }
  // Removing a second factor needs no data key.
  accounts::SecondFactor second_factor(
      *database, [](std::string_view) -> Result<std::shared_ptr<const crypto::DataKey>> {
        return Fail(ErrorCode::kNotFound, "no keys here");
      });
  TRY(ToResult(second_factor.Remove(account.id)));
  accounts::Sessions sessions(*database);
  TRY(ToResult(sessions.EndOthers(account.id, "")));
  accounts::Links links(*database);
  TRY_ASSIGN(const Secret token,
             ToResult(links.Make(accounts::LinkKind::kResetPassword, account.id, WallClockMs())));
  return fmt::format("{}/#/reset?token={}", PublicUrl(config), token.Reveal());
}

}  // namespace holdfast::server
