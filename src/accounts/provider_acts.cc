// What Accounts does for people whom a provider vouches for.
#include <utility>

#include "accounts/accounts.h"

namespace holdfast::accounts {

Outcome<std::optional<LoggedIn>> Accounts::LogInFrom(const ProviderPerson& person,
                                                     std::string_view device, TimeMs now) {
  TRY_ASSIGN(const auto account_id, identities_.Find(person.identity));
  if (!account_id) return std::nullopt;
  TRY_ASSIGN(const auto account, people_.Find(*account_id));
  // It went in between.
  if (!account) return std::nullopt;
  TRY(CheckMayEnter(*account, now));
  // For its owner's list; no reason to turn them away.
  static_cast<void>(identities_.Touch(person.identity, now));
  // A provider may answer without asking anybody: that is no fresh proof.
  TRY_ASSIGN(LoggedIn in, Enter(*account, device, Shown::kLink, now));
  return std::optional<LoggedIn>(std::move(in));
}

Outcome<SignedUp> Accounts::SignUpFrom(const ProviderPerson& person, std::string_view name,
                                       std::string_view invitation, const GuardTerms& guard,
                                       std::string_view device, TimeMs now) {
  TRY_ASSIGN(const auto known, identities_.Find(person.identity));
  if (known)
    return Refuse(Reason::kConflict, "There is an account with this log-in. Log in again.");
  bool is_invited = false;
  if (!invitation.empty()) {
    TRY_ASSIGN(is_invited, invitations_.IsGood(invitation, now));
  }
  if (!person.email && (guard.needs_email || NeedsEmail(registration_->rules().mode))) {
    return Refuse(Reason::kRegistrationClosed,
                  "An account needs a verified mail address, and the provider has told us none.");
  }
  const SignUpForm form{std::string(name), person.email, std::string(invitation), guard};
  TRY_ASSIGN(const SignUpTerms terms, registration_->TermsOf(form, is_invited));
  if (terms.uses_invitation) {
    TRY(invitations_.Use(invitation, now));
  }
  if (terms.email) {
    TRY(DropUnconfirmed(*terms.email));
  }
  // The provider has seen the mail come back.
  const bool is_verified = terms.state == State::kPendingEmail;
  NewAccount account{.name = std::string(name),
                     .email = terms.email,
                     .is_email_verified = is_verified,
                     .state = is_verified ? State::kActive : terms.state,
                     .identity = person.identity,
                     .probation_until = guard.is_on_probation ? now + options_.probation_ms : 0};
  Outcome<Account> created = Create(std::move(account), now);
  if (!created && created.error().reason == Reason::kConflict) {
    // The address is theirs, so it may be told; but only who can log in to the account may join it.
    return Refuse(Reason::kConflict,
                  "There is an account with your mail address already. Log in to it, and link "
                  "this log-in in its settings.");
  }
  if (!created) return std::unexpected(std::move(created).error());
  if (created->state != State::kActive) return SignedUp{std::move(*created), std::nullopt};
  TRY_ASSIGN(Secret session, sessions_.Begin(created->id, device, now, now));
  return SignedUp{std::move(*created), std::move(session)};
}

Outcome<void> Accounts::LinkIdentity(const Identity& who, const ProviderPerson& person,
                                     TimeMs now) {
  TRY(Record(audit::EventKind::kIdentityLinked, who.account_id, who.account_id,
             {{"provider", person.provider}}));
  return identities_.Link(who.account_id, person.identity, now);
}

Outcome<void> Accounts::UnlinkIdentity(const Identity& who, std::string_view issuer,
                                       std::string_view provider) {
  TRY(Record(audit::EventKind::kIdentityUnlinked, who.account_id, who.account_id,
             {{"provider", std::string(provider)}}));
  return identities_.Unlink(who.account_id, issuer);
}

Outcome<void> Accounts::ConfirmLogin(const Identity& who, const ProviderPerson& person,
                                     TimeMs now) {
  TRY_ASSIGN(const auto account_id, identities_.Find(person.identity));
  if (account_id != who.account_id) {
    return Refuse(Reason::kWrongCredentials, "another log-in than this account's");
  }
  return sessions_.ConfirmProviderLogin(who.session_id, now);
}

}  // namespace holdfast::accounts
