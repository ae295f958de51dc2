#include "accounts/accounts.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "accounts/common_passwords.h"
#include "accounts/migrations.h"
#include "accounts/names.h"
#include "accounts/password_rules.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

// What guessers try first.
std::vector<std::string> KnownWords(std::string_view name,
                                    const std::optional<std::string>& email) {
  std::vector<std::string> words = {"holdfast", std::string(name)};
  if (email) {
    words.push_back(*email);
    words.push_back(email->substr(0, email->find('@')));
    words.emplace_back(DomainOf(*email));
  }
  return words;
}

template <typename T>
std::unexpected<Refused> PassOn(const Outcome<T>& outcome) {
  return std::unexpected(outcome.error());
}

}  // namespace

Accounts::Accounts(store::Database& database, crypto::KeyRing& ring, audit::Log& audit,
                   const crypto::HashKey& key, AccountsOptions options)
    : database_(database),
      ring_(ring),
      audit_(audit),
      options_(std::move(options)),
      dummy_hash_(crypto::DummyHash(options_.cost)),
      people_(database),
      sessions_(database),
      keys_(database),
      links_(database),
      invitations_(database),
      outbox_(database),
      ledger_(database, options_.quota),
      second_factor_(database, [&ring](std::string_view id) { return ring.Find(id); }),
      identities_(database),
      passkey_desk_(database),
      challenges_(key),
      device_badges_(key) {}

Result<std::unique_ptr<Accounts>> Accounts::Open(store::Database& database, crypto::KeyRing& ring,
                                                 audit::Log& audit, const crypto::HashKey& key,
                                                 AccountsOptions options, TimeMs now) {
  TRY(store::Migrate(database, kRoom, Migrations()));
  const Mode mode = options.mode;
  std::unique_ptr<Accounts> accounts(new Accounts(database, ring, audit, key, std::move(options)));
  Outcome<std::unique_ptr<Registration>> registration = Registration::Open(database, mode, now);
  if (!registration) return Fail(ErrorCode::kIo, "{}", registration.error().detail);
  accounts->registration_ = std::move(*registration);
  return accounts;
}

Outcome<std::string> Accounts::Hash(const Secret& password) const {
  TRY_STORE(std::string hash, crypto::HashPassword(password, options_.cost));
  return hash;
}

Outcome<void> Accounts::Record(audit::EventKind kind, std::string_view actor,
                               std::string_view subject, std::vector<audit::Field> fields) {
  const Result<void> written =
      audit_.Append({kind, std::string(actor), std::string(subject), std::move(fields)});
  // An id that is none of ours names nothing.
  if (!written && written.error().code == ErrorCode::kInvalidArgument) {
    return Refuse(Reason::kNotFound, written.error().message);
  }
  // Without the log nothing may be done that it should know.
  if (!written) return Refuse(Reason::kStoreDown, written.error().message);
  return {};
}

// The data key first: an account without one could keep nothing. A key without an account, after a
// crash, is of no harm.
Outcome<Account> Accounts::Create(NewAccount account, TimeMs now) {
  account.id = crypto::RandomToken(16);
  TRY(Record(audit::EventKind::kAccountCreated, account.id, account.id,
             {{"role", std::string(RoleWord(account.role))},
              {"state", std::string(StateWord(account.state))},
              {"way_in", account.identity ? "provider" : "password"}}));
  const Result<void> made = ring_.Make(account.id);
  if (!made) return std::unexpected(ToRefused(made.error()));
  Outcome<Account> created = account.role == Role::kOperator
                                 ? people_.CreateFirstOperator(account, now)
                                 : people_.Create(account, now);
  // Nobody knows of the key; what is left of it when this fails costs a slot.
  if (!created) static_cast<void>(ring_.Destroy(account.id));
  return created;
}

Outcome<SignedUp> Accounts::SignUp(const SignUpForm& form, const Secret& password,
                                   std::string_view device, TimeMs now) {
  Outcome<bool> is_invited = false;
  if (!form.invitation.empty()) is_invited = invitations_.IsGood(form.invitation, now);
  if (!is_invited) return PassOn(is_invited);
  const Outcome<SignUpTerms> terms = registration_->TermsOf(form, *is_invited);
  if (!terms) return PassOn(terms);
  const std::vector<std::string> known = KnownWords(form.name, terms->email);
  TRY(CheckPassword(password, known));
  Outcome<std::string> hash = Hash(password);
  if (!hash) return PassOn(hash);
  if (terms->uses_invitation) {
    TRY(invitations_.Use(form.invitation, now));
  }
  if (terms->email) {
    TRY(DropUnconfirmed(*terms->email));
  }
  NewAccount account{
      .name = form.name,
      .email = terms->email,
      .password_hash = std::move(*hash),
      .state = terms->state,
      .probation_until = form.guard.is_on_probation ? now + options_.probation_ms : 0};
  const Outcome<Account> created = Create(account, now);
  if (!created && created.error().reason == Reason::kConflict && terms->email) {
    TRY(SendKnownAddress(*terms->email, now));
    Account pending;
    pending.state = State::kPendingEmail;
    return SignedUp{std::move(pending), std::nullopt};
  }
  if (!created) return PassOn(created);
  if (created->state == State::kPendingEmail) {
    TRY(SendVerification(*created, now));
  }
  if (created->state != State::kActive) return SignedUp{*created, std::nullopt};
  Outcome<Secret> session = sessions_.Begin(created->id, device, now, now);
  if (!session) return PassOn(session);
  return SignedUp{*created, std::move(*session)};
}

Outcome<void> Accounts::DropUnconfirmed(std::string_view email) {
  const Outcome<std::optional<Account>> found = people_.FindByEmail(email);
  if (!found) return PassOn(found);
  if (!*found || (*found)->state != State::kPendingEmail) return {};
  return Forget((*found)->id, "system");
}

Outcome<LoggedIn> Accounts::SetUp(std::string_view token, std::string_view name,
                                  const Secret& password, std::string_view device, TimeMs now) {
  const Outcome<std::string> link = links_.Look(LinkKind::kSetUp, token, now);
  if (!link) return PassOn(link);
  const std::vector<std::string> known = KnownWords(name, std::nullopt);
  TRY(CheckPassword(password, known));
  Outcome<std::string> hash = Hash(password);
  if (!hash) return PassOn(hash);
  NewAccount account{.name = std::string(name),
                     .email = {},
                     .password_hash = std::move(*hash),
                     .role = Role::kOperator};
  const Outcome<Account> created = Create(account, now);
  if (!created) return PassOn(created);
  // It could do no more: there is an operator now.
  static_cast<void>(links_.Use(LinkKind::kSetUp, token, now));
  return Enter(*created, device, Shown::kPassword, now);
}

// A session, or what a second factor is shown with.
Outcome<LoggedIn> Accounts::Enter(const Account& account, std::string_view device, Shown shown,
                                  TimeMs now) {
  const Outcome<Factors> factors = FactorsOf(account.id);
  if (!factors) return PassOn(factors);
  if (shown != Shown::kSecondFactor && factors->app.is_on) {
    Outcome<Secret> token = links_.Make(LinkKind::kSecondFactor, account.id, now);
    if (!token) return PassOn(token);
    return LoggedIn{account, std::nullopt, std::move(*token)};
  }
  const bool is_confirmed =
      shown == Shown::kSecondFactor || (shown == Shown::kPassword && !factors->has_any());
  TRY(Record(audit::EventKind::kLoggedIn, account.id, account.id,
             {{"shown", shown == Shown::kSecondFactor ? "second_factor" : "first_factor"}}));
  Outcome<Secret> session = sessions_.Begin(account.id, device, is_confirmed ? now : 0, now);
  if (!session) return PassOn(session);
  return LoggedIn{account, std::move(*session), std::nullopt};
}

Outcome<LoggedIn> Accounts::LogIn(std::string_view name_or_email, const Secret& password,
                                  std::string_view device, TimeMs now) {
  const Outcome<std::optional<Credentials>> found = people_.FindToLogIn(name_or_email);
  if (!found) return PassOn(found);
  const bool has_hash = *found && !(*found)->password_hash.empty();
  const bool is_right =
      crypto::VerifyPassword(has_hash ? (*found)->password_hash : dummy_hash_, password);
  if (!is_right || !has_hash) return Refuse(Reason::kWrongCredentials);
  const Account& account = (*found)->account;
  TRY(CheckMayEnter(account, now));
  if (crypto::NeedsRehash((*found)->password_hash, options_.cost)) {
    // It was right; that it could not be made dearer is no reason to turn somebody away.
    const Outcome<std::string> hash = Hash(password);
    if (hash) static_cast<void>(people_.SetPasswordHash(account.id, *hash));
  }
  Outcome<LoggedIn> in = Enter(account, device, Shown::kPassword, now);
  if (in) in->has_common_password = IsCommonPassword(password.Reveal());
  return in;
}

Outcome<LoggedIn> Accounts::ShowSecondFactor(std::string_view token, std::string_view code,
                                             std::string_view device, TimeMs now) {
  const Outcome<std::string> account_id = links_.Look(LinkKind::kSecondFactor, token, now);
  if (!account_id) return PassOn(account_id);
  TRY(second_factor_.Check(*account_id, code, now));
  const Outcome<std::string> used = links_.Use(LinkKind::kSecondFactor, token, now);
  if (!used) return PassOn(used);
  const Outcome<std::optional<Account>> account = people_.Find(*account_id);
  if (!account) return PassOn(account);
  if (!*account) return Refuse(Reason::kNotFound, "the account is gone");
  if (!IsAppCode(code)) {
    TRY(Record(audit::EventKind::kRecoveryCodeUsed, *account_id, *account_id));
  }
  return Enter(**account, device, Shown::kSecondFactor, now);
}

Outcome<void> Accounts::LogOut(const Identity& who) {
  const Outcome<void> ended = sessions_.End(who.account_id, who.session_id);
  if (!ended && ended.error().reason != Reason::kNotFound) return ended;
  ring_.Forget(who.account_id);
  return {};
}

Outcome<void> Accounts::CheckOwner(const Identity& who, const Secret& password, TimeMs now) {
  const Outcome<std::optional<Credentials>> found = people_.FindCredentials(who.account_id);
  if (!found) return PassOn(found);
  if (*found && !(*found)->account.has_password) {
    const bool is_fresh = who.provider_login_at + kFreshLoginMs > now;
    if (is_fresh) return {};
    return Refuse(Reason::kSecondFactorRequired, kLogInAnew);
  }
  const bool is_right =
      crypto::VerifyPassword(*found ? (*found)->password_hash : dummy_hash_, password);
  if (!is_right || !*found) return Refuse(Reason::kWrongCredentials);
  return {};
}

Outcome<void> Accounts::ChangePassword(const Identity& who, const Secret& current,
                                       const Secret& next, TimeMs now) {
  TRY(CheckOwner(who, current, now));
  const std::vector<std::string> known = KnownWords(who.name, std::nullopt);
  TRY(CheckPassword(next, known));
  const Outcome<std::string> hash = Hash(next);
  if (!hash) return PassOn(hash);
  TRY(Record(audit::EventKind::kPasswordChanged, who.account_id, who.account_id));
  TRY(people_.SetPasswordHash(who.account_id, *hash));
  return sessions_.EndOthers(who.account_id, who.session_id);
}

Outcome<void> Accounts::SendVerification(const Account& account, TimeMs now) {
  const Outcome<Secret> token = links_.Make(LinkKind::kVerifyEmail, account.id, now);
  if (!token) return PassOn(token);
  const std::string text = fmt::format(
      "Hello {},\n\nsomebody, you we hope, registered at {} with this address. To confirm it, "
      "open\n\n"
      "{}/#/verify?token={}\n\nwithin a day. If it was not you, do nothing: without this, there is "
      "no account.\n",
      account.name, options_.public_url, options_.public_url, token->Reveal());
  return outbox_.Put(*account.email, "Confirm your mail address", text, now);
}

Outcome<void> Accounts::SendKnownAddress(std::string_view email, TimeMs now) {
  const std::string text = fmt::format(
      "Hello,\n\nsomebody, you perhaps, wanted to register at {} with this address, which has an "
      "account\nalready. You can log in with it, or set a new password at\n\n{}/#/reset\n\nIf it "
      "was "
      "not you, do nothing.\n",
      options_.public_url, options_.public_url);
  return outbox_.Put(email, "You have an account already", text, now);
}

Outcome<void> Accounts::AskReset(std::string_view email, TimeMs now) {
  const Outcome<std::optional<Account>> found = people_.FindByEmail(email);
  if (!found) return PassOn(found);
  if (!*found) return {};
  const Outcome<Secret> token = links_.Make(LinkKind::kResetPassword, (*found)->id, now);
  if (!token) return PassOn(token);
  const std::string text = fmt::format(
      "Hello {},\n\nto set a new password at {}, open\n\n{}/#/reset?token={}\n\nwithin an hour. If "
      "you did not ask for this, do nothing.\n",
      (*found)->name, options_.public_url, options_.public_url, token->Reveal());
  return outbox_.Put(*(*found)->email, "Set a new password", text, now);
}

Outcome<void> Accounts::Reset(std::string_view token, const Secret& password, TimeMs now) {
  const Outcome<std::string> account_id = links_.Look(LinkKind::kResetPassword, token, now);
  if (!account_id) return PassOn(account_id);
  const Outcome<std::optional<Account>> account = people_.Find(*account_id);
  if (!account) return PassOn(account);
  if (!*account) return Refuse(Reason::kNotFound, "the account is gone");
  const std::vector<std::string> known = KnownWords((*account)->name, (*account)->email);
  TRY(CheckPassword(password, known));
  const Outcome<std::string> hash = Hash(password);
  if (!hash) return PassOn(hash);
  const Outcome<std::string> used = links_.Use(LinkKind::kResetPassword, token, now);
  if (!used) return PassOn(used);
  TRY(Record(audit::EventKind::kPasswordChanged, *account_id, *account_id, {{"by", "mail"}}));
  TRY(people_.SetPasswordHash(*account_id, *hash));
  // Whoever reads the mail of the address has shown that it is theirs.
  TRY(people_.VerifyEmail(*account_id, now));
  return sessions_.EndOthers(*account_id, "");
}

Outcome<LoggedIn> Accounts::VerifyEmail(std::string_view token, std::string_view device,
                                        TimeMs now) {
  const Outcome<std::string> account_id = links_.Use(LinkKind::kVerifyEmail, token, now);
  if (!account_id) return PassOn(account_id);
  TRY(people_.VerifyEmail(*account_id, now));
  const Outcome<std::optional<Account>> account = people_.Find(*account_id);
  if (!account) return PassOn(account);
  if (!*account) return Refuse(Reason::kNotFound, "the account is gone");
  if ((*account)->state != State::kActive || (*account)->IsRestricted(now)) {
    return LoggedIn{**account, std::nullopt, std::nullopt};
  }
  return Enter(**account, device, Shown::kLink, now);
}

Outcome<Receipt> Accounts::Leave(const Identity& who, const Secret& password, TimeMs now) {
  TRY(CheckOwner(who, password, now));
  TRY(Forget(who.account_id, who.account_id));
  TRY_ASSIGN(std::vector<KeptBackup> backups, BackupBook(database_).Kept(now));
  return Receipt{crypto::RandomToken(16), now, std::move(backups)};
}

Outcome<void> Accounts::Forget(std::string_view account_id, std::string_view actor) {
  TRY(Record(audit::EventKind::kAccountDeleted, actor, account_id));
  // The key first: what is sealed under it is gone with it, wherever it lies.
  const Result<void> destroyed = ring_.Destroy(account_id);
  if (!destroyed && destroyed.error().code != ErrorCode::kNotFound) {
    return std::unexpected(ToRefused(destroyed.error()));
  }
  const Result<void> forgotten = forget_ ? forget_(account_id) : Result<void>{};
  if (!forgotten) return std::unexpected(ToRefused(forgotten.error()));
  return people_.Delete(account_id);
}

Outcome<std::string> Accounts::SetUpLink(TimeMs now) {
  const Outcome<bool> has_operator = people_.HasOperator();
  if (!has_operator) return PassOn(has_operator);
  if (*has_operator) return Refuse(Reason::kConflict, "there is an operator already");
  const Outcome<Secret> token = links_.Make(LinkKind::kSetUp, "", now);
  if (!token) return PassOn(token);
  return fmt::format("{}/#/setup?token={}", options_.public_url, token->Reveal());
}

}  // namespace holdfast::accounts
