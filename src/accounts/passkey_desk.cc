#include "accounts/passkey_desk.h"

#include "accounts/client_data.h"
#include "crypto/encoding.h"

namespace holdfast::accounts {
namespace {

// A point of the curve whose secret is of no account: the generator of P-256 (SEC 2,
// section 2.4.2).
const crypto::PasskeyKey& NobodysKey() {
  static const crypto::PasskeyKey kKey{
      crypto::PasskeyAlgorithm::kEs256,
      crypto::DecodeHex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
          .value_or("")};
  return kKey;
}

PasskeyAct ActOf(PasskeyPurpose purpose) {
  return purpose == PasskeyPurpose::kEnrol ? PasskeyAct::kCreate : PasskeyAct::kGet;
}

std::unexpected<Refused> RefuseNew(const Error& error) {
  return Refuse(Reason::kBadRequest, "The passkey was not taken: " + error.message + ".");
}

bool IsWhoseItSays(const StoredPasskey& passkey, const PasskeyAnswer& answer,
                   const PasskeyAsker& asker) {
  // A passkey that logs in has to say whose it is.
  if (asker.purpose == PasskeyPurpose::kLogIn) return answer.user_handle == passkey.account_id;
  return passkey.account_id == asker.account_id &&
         (answer.user_handle.empty() || answer.user_handle == passkey.account_id);
}

}  // namespace

// The challenge, which is one of ours for this.
Result<std::string> PasskeyDesk::CheckClientData(std::string_view client_data,
                                                 const PasskeyAsker& asker,
                                                 const RelyingParty& party, TimeMs now) const {
  TRY_ASSIGN(ClientData client, ReadClientData(client_data, ActOf(asker.purpose)));
  if (client.origin != party.origin) {
    return Fail(ErrorCode::kInvalidArgument, "it is of another page");
  }
  if (!challenges_.IsGood(client.challenge, asker.purpose, asker.session_id, now)) {
    return Fail(ErrorCode::kInvalidArgument, "it took too long, or was not asked for here");
  }
  return std::move(client.challenge);
}

Outcome<crypto::NewPasskey> PasskeyDesk::CheckNew(const PasskeyRegistration& registration,
                                                  const PasskeyAsker& asker,
                                                  const RelyingParty& party, TimeMs now) {
  const Result<std::string> challenge =
      CheckClientData(registration.client_data, asker, party, now);
  if (!challenge) return RefuseNew(challenge.error());
  Result<crypto::NewPasskey> passkey =
      crypto::ReadNewPasskey(registration.attestation_object, party.id);
  if (!passkey) return RefuseNew(passkey.error());
  if (!challenges_.Take(*challenge, now)) {
    return Refuse(Reason::kBadRequest, "The passkey was not taken: it was sent before.");
  }
  return std::move(*passkey);
}

Outcome<std::string> PasskeyDesk::Check(const PasskeyAnswer& answer, const PasskeyAsker& asker,
                                        const RelyingParty& party, TimeMs now) {
  const auto wrong = [](std::string detail) {
    return Refuse(Reason::kWrongCredentials, std::move(detail));
  };
  const Result<std::string> challenge = CheckClientData(answer.client_data, asker, party, now);
  if (!challenge) return wrong(challenge.error().message);
  const Outcome<std::optional<StoredPasskey>> found = passkeys_.Find(answer.credential_id);
  if (!found) return std::unexpected(found.error());
  const std::optional<StoredPasskey>& passkey = *found;
  const Result<crypto::PasskeyState> state =
      crypto::CheckAssertion({answer.authenticator_data, answer.client_data, answer.signature},
                             passkey ? passkey->key : NobodysKey(), party.id);
  if (!state) return wrong(state.error().message);
  if (!passkey) return wrong("no such passkey");
  if (!IsWhoseItSays(*passkey, answer, asker)) return wrong("a passkey of somebody else");
  if (state->may_be_synced != passkey->state.may_be_synced) {
    return wrong("a passkey that was not synced is, or the other way round");
  }
  if (!challenges_.Take(*challenge, now)) return wrong("a passkey's answer that came before");
  const Outcome<void> used = passkeys_.Use(passkey->id, state->sign_count, now);
  if (!used) return std::unexpected(used.error());
  return passkey->account_id;
}

}  // namespace holdfast::accounts
