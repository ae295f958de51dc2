#include "accounts/second_factor.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "accounts/tokens.h"
#include "crypto/encoding.h"
#include "crypto/random.h"
#include "crypto/totp.h"

namespace holdfast::accounts {
namespace {

using store::Transaction;

// 120 bits, in groups that can be copied by hand. What has 112 bits needs neither salt nor cost
// where its hash is kept (NIST SP 800-63B-4, section 3.1.2.2).
Secret NewRecoveryCode() {
  constexpr std::size_t kBytes = 15;
  std::string text = crypto::EncodeBase32(crypto::RandomBytes(kBytes));
  for (std::size_t at = text.size() - 4; at > 0; at -= 4) text.insert(at, 1, '-');
  return Secret(std::move(text));
}

// As it is stored: capitals, without dashes and blanks.
std::string Folded(std::string_view code) {
  std::string folded;
  for (const char c : code) {
    if (c == '-' || c == ' ') continue;
    folded += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return folded;
}

std::string PlaceOf(std::string_view account_id) {
  return fmt::format("second_factors:{}:secret", account_id);
}

}  // namespace

bool IsAppCode(std::string_view code) {
  return code.size() == static_cast<std::size_t>(crypto::kTotpDigits) &&
         std::ranges::all_of(code, [](char c) { return c >= '0' && c <= '9'; });
}

Outcome<SecondFactorState> SecondFactor::StateOf(std::string_view account_id) {
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT is_confirmed, (SELECT COUNT(*) FROM recovery_codes r"
        " WHERE r.account_id = f.account_id) FROM second_factors f"
        " WHERE f.account_id = :id",
        {account_id});
  }));
  if (!row || !row->Flag(0)) return SecondFactorState{};
  return SecondFactorState{true, row->Number(1)};
}

Outcome<Secret> SecondFactor::Begin(std::string_view account_id) {
  const Outcome<SecondFactorState> state = StateOf(account_id);
  if (!state) return std::unexpected(state.error());
  if (state->is_on) return Refuse(Reason::kConflict, "the second factor is on");
  TRY_STORE(const std::shared_ptr<const crypto::DataKey> key, keys_(account_id));
  Secret secret = crypto::MakeTotpKey();
  const std::string sealed =
      crypto::EncodeBase64(crypto::Seal(*key, secret.Reveal(), PlaceOf(account_id)));
  const auto stored = database_.Write([&](Transaction& t) {
    return t.Execute(
        "INSERT INTO second_factors (account_id, secret, is_confirmed, last_step)"
        " VALUES (:id, :secret, 0, 0) ON CONFLICT (account_id) DO UPDATE SET"
        " secret = excluded.secret, is_confirmed = 0, last_step = 0",
        {account_id, sealed});
  });
  if (!stored) return std::unexpected(ToRefused(stored.error()));
  return secret;
}

Outcome<void> SecondFactor::CheckApp(std::string_view account_id, std::string_view code,
                                     bool is_confirmed, TimeMs now) {
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT secret FROM second_factors"
        " WHERE account_id = :id AND is_confirmed = :confirmed",
        {account_id, is_confirmed});
  }));
  if (!row) return Refuse(Reason::kWrongCredentials, "no second factor");
  TRY_STORE(const std::shared_ptr<const crypto::DataKey> key, keys_(account_id));
  const std::optional<std::string> sealed = crypto::DecodeBase64(row->Text(0));
  if (!sealed) return Refuse(Reason::kInternal, "the second factor's secret is damaged");
  TRY_STORE(std::string opened, crypto::Open(*key, *sealed, PlaceOf(account_id)));
  const Secret secret(std::move(opened));
  const std::optional<std::int64_t> step =
      crypto::MatchTotp(secret, code, std::chrono::seconds(now / 1000));
  if (!step) return Refuse(Reason::kWrongCredentials, "a wrong code");
  // Of two who come with the same code at once, one is let in.
  TRY_STORE(const std::int64_t taken, database_.Write([&](Transaction& t) {
    return t.Execute(
        "UPDATE second_factors SET last_step = :step, is_confirmed = 1"
        " WHERE account_id = :id AND last_step < :before",
        {*step, account_id, *step});
  }));
  if (taken == 0) return Refuse(Reason::kWrongCredentials, "a code that was used before");
  return {};
}

Outcome<std::vector<Secret>> SecondFactor::Confirm(std::string_view account_id,
                                                   std::string_view code, TimeMs now) {
  const Outcome<SecondFactorState> state = StateOf(account_id);
  if (!state) return std::unexpected(state.error());
  if (state->is_on) return Refuse(Reason::kConflict, "the second factor is on");
  const Outcome<void> checked = CheckApp(account_id, code, false, now);
  if (!checked) return std::unexpected(checked.error());
  std::vector<Secret> codes;
  for (std::size_t i = 0; i < kRecoveryCodes; ++i) codes.push_back(NewRecoveryCode());
  const Result<void> stored = database_.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("DELETE FROM recovery_codes WHERE account_id = :id", {account_id}));
    for (const Secret& one : codes) {
      TRY(t.Execute("INSERT INTO recovery_codes (account_id, code_hash) VALUES (:id, :hash)",
                    {account_id, TokenHash(Folded(one.Reveal()))}));
    }
    return {};
  });
  if (!stored) return std::unexpected(ToRefused(stored.error()));
  return codes;
}

Outcome<void> SecondFactor::UseRecoveryCode(std::string_view account_id, std::string_view code) {
  const std::string hash = TokenHash(Folded(code));
  TRY_STORE(const std::int64_t used, database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM recovery_codes WHERE account_id = :id AND code_hash = :hash",
                     {account_id, hash});
  }));
  if (used == 0) return Refuse(Reason::kWrongCredentials, "a wrong code");
  return {};
}

Outcome<void> SecondFactor::Check(std::string_view account_id, std::string_view code, TimeMs now) {
  if (!IsAppCode(code)) return UseRecoveryCode(account_id, code);
  if (const std::optional<TimeMs> wait = wrong_codes_.Count(account_id, now)) {
    return std::unexpected(Refused{Reason::kYourRate, "too many wrong codes", *wait});
  }
  const Outcome<void> checked = CheckApp(account_id, code, true, now);
  if (checked) wrong_codes_.Forget(account_id);
  return checked;
}

Outcome<void> SecondFactor::Remove(std::string_view account_id) {
  const Result<void> removed = database_.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("DELETE FROM recovery_codes WHERE account_id = :id", {account_id}));
    TRY(t.Execute("DELETE FROM second_factors WHERE account_id = :id", {account_id}));
    return {};
  });
  if (!removed) return std::unexpected(ToRefused(removed.error()));
  return {};
}

}  // namespace holdfast::accounts
