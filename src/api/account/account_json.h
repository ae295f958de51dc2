// What accounts look like in JSON. Pure.
#pragma once

#include "accounts/accounts.h"
#include "json/json.h"

namespace holdfast::api {

// As its owner and operators see it.
json::Object AccountJson(const accounts::Account& account, const accounts::Factors& factors);
json::Object KeyJson(const accounts::KeyInfo& key, std::int64_t tokens_today);
json::Object UsageJson(const accounts::UsageReport& report,
                       const std::vector<accounts::KeyInfo>& keys);
json::Object InvitationJson(const accounts::Invitation& invitation);
json::Object MailJson(const accounts::Mail& mail, bool shows_text);
json::Value OrNull(const std::optional<std::int64_t>& number);
json::Value OrNull(const std::optional<std::string>& text);

}  // namespace holdfast::api
