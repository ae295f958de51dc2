#include "accounts/invitations.h"

#include "accounts/tokens.h"
#include "crypto/random.h"

namespace holdfast::accounts {

using store::Transaction;

Outcome<MadeInvitation> Invitations::Make(std::string_view note, std::int64_t uses,
                                          std::optional<TimeMs> expires_at, TimeMs now) {
  if (uses < 1 || uses > kInvitationUsesMax || note.size() > kInvitationNoteBytesMax ||
      note.find('\0') != std::string_view::npos || (expires_at && *expires_at <= now)) {
    return Refuse(Reason::kBadRequest, "a field of the invitation is over its limit");
  }
  MadeInvitation made{NewToken(),
                      {crypto::RandomToken(16), std::string(note), now, expires_at, uses}};
  const auto inserted = database_.Write([&](Transaction& t) -> Result<bool> {
    TRY_ASSIGN(const auto count, t.QueryOne("SELECT COUNT(*) FROM invitations"));
    if (count->Number(0) >= static_cast<std::int64_t>(kInvitationsMax)) return false;
    TRY(t.Execute(
        "INSERT INTO invitations (id, code_hash, note, created_at, expires_at, uses_left)"
        " VALUES (:id, :hash, :note, :created, :expires, :uses)",
        {made.invitation.id, TokenHash(made.code.Reveal()), note, now, expires_at, uses}));
    return true;
  });
  TRY_STORE(const bool has_room, inserted);
  if (!has_room) return Refuse(Reason::kConflict, "there are as many invitations as there may be");
  return made;
}

Outcome<bool> Invitations::IsGood(std::string_view code, TimeMs now) {
  const std::string hash = TokenHash(code);
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT 1 FROM invitations WHERE code_hash = :hash AND uses_left > 0"
        " AND COALESCE(expires_at, :far) > :now",
        {hash, now + 1, now});
  }));
  return row.has_value();
}

Outcome<void> Invitations::Use(std::string_view code, TimeMs now) {
  const std::string hash = TokenHash(code);
  TRY_STORE(const std::int64_t used, database_.Write([&](Transaction& t) {
    return t.Execute(
        "UPDATE invitations SET uses_left = uses_left - 1 WHERE code_hash = :hash"
        " AND uses_left > 0 AND COALESCE(expires_at, :far) > :now",
        {hash, now + 1, now});
  }));
  if (used == 0) return Refuse(Reason::kInvitationRequired, "the invitation is not good");
  return {};
}

Outcome<std::vector<Invitation>> Invitations::List() {
  TRY_STORE(const store::Rows rows, database_.Read([](Transaction& t) {
    return t.Query(
        "SELECT id, note, created_at, expires_at, uses_left FROM invitations"
        " ORDER BY created_at DESC, id");
  }));
  std::vector<Invitation> invitations;
  for (const store::Row& row : rows) {
    invitations.push_back(
        {row.Text(0), row.Text(1), row.Number(2), row.OptionalNumber(3), row.Number(4)});
  }
  return invitations;
}

Outcome<void> Invitations::Revoke(std::string_view id) {
  TRY_STORE(const std::int64_t revoked, database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM invitations WHERE id = :id", {id});
  }));
  if (revoked == 0) return Refuse(Reason::kNotFound, "no such invitation");
  return {};
}

}  // namespace holdfast::accounts
