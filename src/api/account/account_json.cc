#include "api/account/account_json.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

namespace holdfast::api {
namespace {

json::Array Texts(const std::vector<std::string>& texts) {
  return json::Array(texts.begin(), texts.end());
}

std::string DayText(std::int64_t day) {
  const std::time_t time = day * 24 * 60 * 60;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

}  // namespace

json::Value OrNull(const std::optional<std::int64_t>& number) {
  return number ? json::Value(*number) : json::Value(nullptr);
}

json::Value OrNull(const std::optional<std::string>& text) {
  return text ? json::Value(*text) : json::Value(nullptr);
}

json::Object AccountJson(const accounts::Account& account, const accounts::Factors& factors) {
  json::Object object;
  object["id"] = account.id;
  object["name"] = account.name;
  object["email"] = OrNull(account.email);
  object["email_verified"] = account.is_email_verified;
  object["password"] = account.has_password;
  object["role"] = accounts::RoleWord(account.role);
  object["created_at"] = account.created_at;
  object["totp"] = factors.app.is_on;
  object["recovery_codes_left"] = factors.app.recovery_codes_left;
  object["passkeys"] = factors.passkeys;
  object["probation_until"] =
      account.probation_until > 0 ? json::Value(account.probation_until) : json::Value(nullptr);
  object["restriction"] = nullptr;
  if (account.restriction) {
    object["restriction"] = json::Object{{"reason", account.restriction->reason},
                                         {"until", OrNull(account.restriction->until)}};
  }
  return object;
}

json::Object KeyJson(const accounts::KeyInfo& key, std::int64_t tokens_today) {
  json::Object object;
  object["id"] = key.id;
  object["name"] = key.name;
  object["prefix"] = key.prefix;
  object["created_at"] = key.created_at;
  object["last_used_at"] = OrNull(key.last_used_at);
  object["expires_at"] = OrNull(key.expires_at);
  object["models"] = Texts(key.scope.models);
  object["routes"] = Texts(key.scope.routes);
  object["tokens_per_day"] = OrNull(key.tokens_per_day);
  object["tokens_today"] = tokens_today;
  object["requests_at_once"] = OrNull(key.requests_at_once);
  return object;
}

json::Object UsageJson(const accounts::UsageReport& report,
                       const std::vector<accounts::KeyInfo>& keys) {
  json::Object object;
  object["tokens_today"] = report.tokens_today;
  object["tokens_per_day"] = OrNull(report.tokens_per_day);
  object["balance"] = OrNull(report.balance);
  object["resets_at"] = report.resets_at;
  object["requests_at_once_max"] = OrNull(report.requests_at_once);
  json::Array days;
  for (const accounts::DayUsage& day : report.days) {
    days.push_back(json::Object{{"day", DayText(day.day)}, {"tokens", day.tokens}});
  }
  object["days"] = std::move(days);
  json::Array by_key;
  for (const accounts::KeyUsage& usage : report.keys) {
    const auto key = std::ranges::find(keys, usage.key_id, &accounts::KeyInfo::id);
    by_key.push_back(json::Object{{"id", usage.key_id},
                                  {"name", key == keys.end() ? "" : key->name},
                                  {"tokens", usage.tokens}});
  }
  object["keys"] = std::move(by_key);
  return object;
}

json::Object InvitationJson(const accounts::Invitation& invitation) {
  return {{"id", invitation.id},
          {"note", invitation.note},
          {"created_at", invitation.created_at},
          {"expires_at", OrNull(invitation.expires_at)},
          {"uses_left", invitation.uses_left}};
}

json::Object MailJson(const accounts::Mail& mail, bool shows_text) {
  return {{"id", mail.id},
          {"to", mail.to},
          {"subject", mail.subject},
          {"text", shows_text ? json::Value(mail.text) : json::Value(nullptr)},
          {"created_at", mail.created_at},
          {"sent_at", OrNull(mail.sent_at)},
          {"error", OrNull(mail.error)}};
}

}  // namespace holdfast::api
