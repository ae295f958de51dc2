// What an account has beside its password, and who has shown it lately.
#include <utility>

#include "accounts/accounts.h"

namespace holdfast::accounts {
namespace {

std::string_view HowToConfirm(const Factors& factors) {
  if (factors.app.is_on && factors.passkeys > 0) {
    return "Show a passkey or a code of your authenticator app again for this.";
  }
  if (factors.app.is_on) return "Show a code of your authenticator app again for this.";
  if (factors.passkeys > 0) return "Show a passkey again for this.";
  if (!factors.has_password) return kLogInAnew;
  return "Type your password again for this.";
}

}  // namespace

std::optional<RelyingParty> Accounts::PasskeyParty(std::string_view host, bool is_encrypted) const {
  if (options_.is_public_url_set) return RelyingPartyOf(options_.public_url);
  return LocalRelyingParty(host, is_encrypted);
}

Outcome<LoggedIn> Accounts::LogInWithPasskey(const PasskeyAnswer& answer, const RelyingParty& party,
                                             std::string_view device, TimeMs now) {
  TRY_ASSIGN(const auto account_id, passkey_desk_.Check(answer, {}, party, now));
  TRY_ASSIGN(const auto account, people_.Find(account_id));
  if (!account) return Refuse(Reason::kWrongCredentials, "the account is gone");
  TRY(CheckMayEnter(*account, now));
  return Enter(*account, device, Shown::kSecondFactor, now);
}

Outcome<PasskeyInfo> Accounts::AddPasskey(const Identity& who, std::string_view name,
                                          const PasskeyRegistration& registration,
                                          const RelyingParty& party, TimeMs now) {
  const PasskeyAsker asker{PasskeyPurpose::kEnrol, who.session_id, who.account_id};
  TRY_ASSIGN(const auto passkey, passkey_desk_.CheckNew(registration, asker, party, now));
  TRY(Record(audit::EventKind::kSecondFactorAdded, who.account_id, who.account_id,
             {{"factor", "passkey"}}));
  Outcome<PasskeyInfo> added = passkey_desk_.passkeys().Add(who.account_id, name, passkey, now);
  if (!added) return added;
  // Its owner was verified by it a moment ago.
  TRY(sessions_.Confirm(who.session_id, now));
  return added;
}

Outcome<void> Accounts::RemovePasskey(const Identity& who, std::string_view passkey_id) {
  TRY(Record(audit::EventKind::kSecondFactorRemoved, who.account_id, who.account_id,
             {{"factor", "passkey"}}));
  return passkey_desk_.passkeys().Remove(who.account_id, passkey_id);
}

Outcome<Factors> Accounts::FactorsOf(std::string_view account_id) {
  TRY_ASSIGN(const auto app, second_factor_.StateOf(account_id));
  TRY_ASSIGN(const auto passkeys, passkey_desk_.passkeys().CountOf(account_id));
  TRY_ASSIGN(const auto account, people_.Find(account_id));
  return Factors{app, passkeys, account && account->has_password};
}

Outcome<void> Accounts::CheckFresh(const Identity& who, TimeMs now) {
  if (who.confirmed_at > 0 && now - who.confirmed_at < kFreshMs) return {};
  TRY_ASSIGN(const auto factors, FactorsOf(who.account_id));
  // A provider stands for a password, not for a second factor.
  if (!factors.has_any() && who.provider_login_at + kFreshLoginMs > now) return {};
  return Refuse(Reason::kSecondFactorRequired, std::string(HowToConfirm(factors)));
}

Outcome<void> Accounts::CheckOwnerAndFactor(const Identity& who, const Secret& password,
                                            TimeMs now) {
  TRY(CheckOwner(who, password, now));
  TRY_ASSIGN(const auto factors, FactorsOf(who.account_id));
  return factors.has_any() ? CheckFresh(who, now) : Outcome<void>{};
}

Outcome<void> Accounts::Confirm(const Identity& who, const Proof& proof,
                                const std::optional<RelyingParty>& party, TimeMs now) {
  TRY(CheckProof(who, proof, party, now));
  return sessions_.Confirm(who.session_id, now);
}

Outcome<void> Accounts::CheckProof(const Identity& who, const Proof& proof,
                                   const std::optional<RelyingParty>& party, TimeMs now) {
  if (proof.passkey) {
    if (!party) return Refuse(Reason::kWrongCredentials, "no passkey is good here");
    const PasskeyAsker asker{PasskeyPurpose::kConfirm, who.session_id, who.account_id};
    TRY(passkey_desk_.Check(*proof.passkey, asker, *party, now));
    return {};
  }
  if (!proof.code.empty()) return second_factor_.Check(who.account_id, proof.code, now);
  if (proof.password.Reveal().empty()) {
    return Refuse(Reason::kBadRequest, "Send a `credential`, a `code` or a `password`.");
  }
  TRY_ASSIGN(const auto factors, FactorsOf(who.account_id));
  if (factors.has_any()) {
    return Refuse(Reason::kSecondFactorRequired, std::string(HowToConfirm(factors)));
  }
  return CheckOwner(who, proof.password, now);
}

}  // namespace holdfast::accounts
