// Accounts: the acts that take several steps: signing up, logging in, losing a password, leaving.
// Each step is a transaction of its own, in an order in which a crash between two loses nothing
// that was promised: a key before the account that needs it, mail before the answer that speaks of
// it.
//
// Neither answer nor time tells whether a mail address has an account: an unknown name is checked
// against a hash that costs the same, and a registration with a known address ends as any other,
// but for the mail.
//
// Thread-safe; blocks, and hashing a password takes the memory and time of its cost: the guard's
// password gate says who comes when (guard/entrance/password_gate.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/account.h"
#include "accounts/api_keys.h"
#include "accounts/backup_book.h"
#include "accounts/challenge_desk.h"
#include "accounts/device_badges.h"
#include "accounts/identities.h"
#include "accounts/invitations.h"
#include "accounts/ledger.h"
#include "accounts/links.h"
#include "accounts/outbox.h"
#include "accounts/passkey_desk.h"
#include "accounts/people.h"
#include "accounts/registration.h"
#include "accounts/second_factor.h"
#include "accounts/sessions.h"
#include "audit/log.h"
#include "base/secret.h"
#include "crypto/key_ring.h"
#include "crypto/password_hash.h"
#include "store/database.h"

namespace holdfast::accounts {

struct AccountsOptions {
  // "https://chat.example", without a slash at its end: where links in mail lead.
  std::string public_url = "http://localhost:8080";
  // Whether an operator has set it. Only then passkeys can be of it.
  bool is_public_url_set = false;
  Mode mode = Mode::kClosed;  // Until an operator sets another.
  QuotaDefaults quota;
  crypto::PasswordCost cost;
  bool has_mail_server = false;  // Otherwise operators hand mail over.
  TimeMs probation_ms = 6 * 60 * 60 * 1000;
};

struct SignedUp {
  Account account;
  std::optional<Secret> session;  // nullopt: it is not active yet.
};

struct LoggedIn {
  Account account;
  std::optional<Secret> session;
  // Instead of a session: what a second factor is shown with.
  std::optional<Secret> second_factor;
  // Its password is among the first that are tried, and should be changed.
  bool has_common_password = false;
};

// After a fresh log-in at a provider, an account without a password may do for so long what
// otherwise needs one.
inline constexpr TimeMs kFreshLoginMs = 5 * 60 * 1000;
inline constexpr const char* kLogInAnew = "Log in anew at the provider of this account.";

// Somebody whom a provider vouches for.
struct ProviderPerson {
  ProviderIdentity identity;
  std::string provider;              // A word for the audit log.
  std::optional<std::string> email;  // Verified by the provider; nullopt: it has none.
};

// What an account has beside its password.
struct Factors {
  SecondFactorState app;
  std::int64_t passkeys = 0;
  bool has_password = true;  // Not where a provider vouches for who logs in.

  bool has_any() const { return app.is_on || passkeys > 0; }
};

// What somebody shows to confirm that it is them: one of these.
struct Proof {
  Secret password;
  std::string code;  // Of the app, or a recovery code.
  std::optional<PasskeyAnswer> passkey;
};

// How long a proof is good for what could do harm: acts of operators, factors, keys, leaving.
inline constexpr TimeMs kFreshMs = 10 * 60 * 1000;

// What somebody who has left can hold us to.
struct Receipt {
  std::string id;
  TimeMs deleted_at = 0;
  std::vector<KeptBackup> backups;  // Those that still hold the account.
};

class Accounts {
 public:
  // Brings the tables up to date. All that it is given must outlive it. Errors: those of
  // store::Migrate.
  [[nodiscard]] static Result<std::unique_ptr<Accounts>> Open(store::Database& database,
                                                              crypto::KeyRing& ring,
                                                              audit::Log& audit,
                                                              const crypto::HashKey& key,
                                                              AccountsOptions options, TimeMs now);

  People& people() { return people_; }
  Sessions& sessions() { return sessions_; }
  ApiKeys& keys() { return keys_; }
  Links& links() { return links_; }
  Invitations& invitations() { return invitations_; }
  Outbox& outbox() { return outbox_; }
  Ledger& ledger() { return ledger_; }
  SecondFactor& second_factor() { return second_factor_; }
  Identities& identities() { return identities_; }
  PasskeyDesk& passkey_desk() { return passkey_desk_; }
  Registration& registration() { return *registration_; }
  ChallengeDesk& challenges() { return challenges_; }
  const DeviceBadges& device_badges() const { return device_badges_; }

  // Writes down what is about to be done; what could not be written must not be done. `actor`: an
  // account's id, or "system".
  Outcome<void> Record(audit::EventKind kind, std::string_view actor, std::string_view subject = {},
                       std::vector<audit::Field> fields = {});

  TimeMs probation_ms() const { return options_.probation_ms; }
  const std::string& public_url() const { return options_.public_url; }
  bool has_mail_server() const { return options_.has_mail_server; }
  // Where passkeys are good, for a request that came to `host`, which was checked. nullopt: nowhere
  // that this request could be.
  std::optional<RelyingParty> PasskeyParty(std::string_view host, bool is_encrypted) const;

  // Errors: as of Registration::TermsOf, CheckPassword and People::Create.
  Outcome<SignedUp> SignUp(const SignUpForm& form, const Secret& password, std::string_view device,
                           TimeMs now);
  // The first operator, with the link of the set-up. Errors: kNotFound (the link), kConflict.
  Outcome<LoggedIn> SetUp(std::string_view token, std::string_view name, const Secret& password,
                          std::string_view device, TimeMs now);
  // Errors: kWrongCredentials; kAccountPaused with words, which only a right password hears.
  Outcome<LoggedIn> LogIn(std::string_view name_or_email, const Secret& password,
                          std::string_view device, TimeMs now);
  // Errors: kNotFound (the token), kWrongCredentials (the code).
  Outcome<LoggedIn> ShowSecondFactor(std::string_view token, std::string_view code,
                                     std::string_view device, TimeMs now);
  // Ends the session, and lets the account's data key go from memory; what else still uses it takes
  // it anew. Errors: none where the session is over already.
  Outcome<void> LogOut(const Identity& who);
  // That it is the owner who asks, by the password; without one, by a log-in at a provider within
  // kFreshLoginMs. Errors: kWrongCredentials, kSecondFactorRequired (no such log-in).
  Outcome<void> CheckOwner(const Identity& who, const Secret& password, TimeMs now);
  // Also by the second factor, where there is one: shown within kFreshMs. Errors: those of both.
  Outcome<void> CheckOwnerAndFactor(const Identity& who, const Secret& password, TimeMs now);
  // All other sessions end. Errors: those of CheckOwner, kWeakPassword.
  Outcome<void> ChangePassword(const Identity& who, const Secret& current, const Secret& next,
                               TimeMs now);

  // nullopt: nobody here has this identity. Errors: kAccountPaused with words.
  Outcome<std::optional<LoggedIn>> LogInFrom(const ProviderPerson& person, std::string_view device,
                                             TimeMs now);
  // A new account without a password, as registration allows it now; an address that a provider
  // verified needs no mail of ours. Never joins an account that is there: with its address it is
  // kConflict. Errors beside: as of Registration::TermsOf and People::Create.
  Outcome<SignedUp> SignUpFrom(const ProviderPerson& person, std::string_view name,
                               std::string_view invitation, const GuardTerms& guard,
                               std::string_view device, TimeMs now);
  // Errors: as of Identities.
  Outcome<void> LinkIdentity(const Identity& who, const ProviderPerson& person, TimeMs now);
  Outcome<void> UnlinkIdentity(const Identity& who, std::string_view issuer,
                               std::string_view provider);
  // The session is fresh. Errors: kWrongCredentials: the identity is not this account's.
  Outcome<void> ConfirmLogin(const Identity& who, const ProviderPerson& person, TimeMs now);

  // A passkey alone is two factors: it is had, and its owner was verified by it. Errors as of
  // LogIn.
  Outcome<LoggedIn> LogInWithPasskey(const PasskeyAnswer& answer, const RelyingParty& party,
                                     std::string_view device, TimeMs now);

  // Errors: those of PasskeyDesk::CheckNew and Passkeys::Add.
  Outcome<PasskeyInfo> AddPasskey(const Identity& who, std::string_view name,
                                  const PasskeyRegistration& registration,
                                  const RelyingParty& party, TimeMs now);
  // Errors: kNotFound.
  Outcome<void> RemovePasskey(const Identity& who, std::string_view passkey_id);
  Outcome<Factors> FactorsOf(std::string_view account_id);

  // That this session has shown who it is within kFreshMs: by a second factor, or, where the
  // account has none, by the password. Errors: kSecondFactorRequired, with words for the person.
  Outcome<void> CheckFresh(const Identity& who, TimeMs now);
  // Shows it anew. `party`: nullopt where there are no passkeys. Errors: kWrongCredentials;
  // kSecondFactorRequired (a password, where there is a second factor); kBadRequest (no proof).
  Outcome<void> Confirm(const Identity& who, const Proof& proof,
                        const std::optional<RelyingParty>& party, TimeMs now);

  // Sends a link if there is such an account, and says nothing.
  Outcome<void> AskReset(std::string_view email, TimeMs now);
  // All sessions end. Errors: kNotFound (the token), kWeakPassword, which leaves the link good.
  Outcome<void> Reset(std::string_view token, const Secret& password, TimeMs now);
  Outcome<LoggedIn> VerifyEmail(std::string_view token, std::string_view device, TimeMs now);

  // The account is gone at once, and its data key destroyed. Errors: those of CheckOwner.
  Outcome<Receipt> Leave(const Identity& who, const Secret& password, TimeMs now);

  // What goes with an account that leaves, in other rooms' tables; set before the first call.
  void OnLeave(std::function<Result<void>(std::string_view account_id)> forget) {
    forget_ = std::move(forget);
  }

  // A link for the first operator; kConflict when there is one.
  Outcome<std::string> SetUpLink(TimeMs now);

 private:
  Accounts(store::Database& database, crypto::KeyRing& ring, audit::Log& audit,
           const crypto::HashKey& key, AccountsOptions options);

  Outcome<std::string> Hash(const Secret& password) const;
  Outcome<Account> Create(NewAccount account, TimeMs now);
  Outcome<void> Forget(std::string_view account_id, std::string_view actor);
  // An account whose address was never confirmed is nobody's, and whoever registers with that
  // address may have lost the mail: it gives way.
  Outcome<void> DropUnconfirmed(std::string_view email);
  Outcome<void> SendVerification(const Account& account, TimeMs now);
  Outcome<void> SendKnownAddress(std::string_view email, TimeMs now);
  // What somebody has shown at the entrance.
  enum class Shown : std::uint8_t { kLink, kPassword, kSecondFactor };
  Outcome<LoggedIn> Enter(const Account& account, std::string_view device, Shown shown, TimeMs now);
  Outcome<void> CheckProof(const Identity& who, const Proof& proof,
                           const std::optional<RelyingParty>& party, TimeMs now);

  store::Database& database_;
  crypto::KeyRing& ring_;
  audit::Log& audit_;
  const AccountsOptions options_;
  const std::string dummy_hash_;
  std::function<Result<void>(std::string_view)> forget_;
  People people_;
  Sessions sessions_;
  ApiKeys keys_;
  Links links_;
  Invitations invitations_;
  Outbox outbox_;
  Ledger ledger_;
  SecondFactor second_factor_;
  Identities identities_;
  PasskeyDesk passkey_desk_;
  ChallengeDesk challenges_;
  DeviceBadges device_badges_;
  std::unique_ptr<Registration> registration_;
};

}  // namespace holdfast::accounts
