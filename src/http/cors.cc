#include "http/cors.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "http/host.h"

namespace holdfast::http {
namespace {

constexpr std::array<std::string_view, 17> kRequestFields{
    "accept",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "authorization",
    "content-type",
    "http-referer",
    "idempotency-key",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "user-agent",
    "x-api-key",
    "x-client-request-id",
    "x-request-id",
    "x-requested-with",
    "x-title",
};
// Official clients say with these what they are and how often they tried.
constexpr std::string_view kClientPrefix = "x-stainless-";
constexpr std::string_view kExposedFields =
    "x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, x-holdfast-decision, "
    "x-holdfast-level, x-holdfast-tokens-max";
// Browsers ask again after this; they cap it at two hours or less.
constexpr std::string_view kMaxAgeSeconds = "7200";

bool IsAllowedField(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 64;
  if (name.empty() || name.size() > kNameBytesMax) return false;
  const auto is_token = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  };
  if (!std::ranges::all_of(name, is_token)) return false;
  if (name.size() > kClientPrefix.size() &&
      EqualsNoCase(name.substr(0, kClientPrefix.size()), kClientPrefix)) {
    return true;
  }
  return std::ranges::any_of(kRequestFields,
                             [&](std::string_view field) { return EqualsNoCase(name, field); });
}

// Of a list of names, those that are allowed.
std::string AllowedFields(std::string_view asked) {
  constexpr int kNamesMax = 64;
  std::string allowed;
  for (int i = 0; i < kNamesMax && !asked.empty(); ++i) {
    const std::size_t comma = std::min(asked.find(','), asked.size());
    std::string_view name = asked.substr(0, comma);
    asked.remove_prefix(std::min(comma + 1, asked.size()));
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    if (!IsAllowedField(name)) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  }
  return allowed;
}

bool AllowsAll(const CorsRules& rules) { return std::ranges::count(rules.origins, "*") > 0; }

bool IsAllowedOrigin(std::string_view origin, const CorsRules& rules) {
  return !origin.empty() && (AllowsAll(rules) || std::ranges::count(rules.origins, origin) > 0);
}

void AddAllowOrigin(std::string_view origin, const CorsRules& rules, std::vector<Header>& headers) {
  if (AllowsAll(rules)) {
    headers.push_back({"Access-Control-Allow-Origin", "*"});
    return;
  }
  headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
  if (rules.allows_credentials) headers.push_back({"Access-Control-Allow-Credentials", "true"});
}

}  // namespace

Result<void> CheckOrigin(std::string_view origin) {
  if (origin == "*") return {};
  std::string_view rest = origin;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!origin.starts_with(scheme)) continue;
    rest.remove_prefix(scheme.size());
    const bool is_lower =
        std::ranges::none_of(rest, [](unsigned char c) { return std::isupper(c); });
    if (ParseHost(rest) && is_lower && !rest.ends_with(':')) return {};
  }
  return Fail(ErrorCode::kInvalidArgument,
              "'{}': an origin is written https://app.example or http://localhost:3000, in lower "
              "case and without a path, or *",
              origin);
}

bool IsPreflight(const RequestHead& head) {
  return head.method == Method::kOptions && !head.Find("origin").empty() &&
         !head.Find("access-control-request-method").empty();
}

std::expected<ResponseHead, Refusal> AnswerPreflight(const RequestHead& head,
                                                     const CorsRules& rules,
                                                     std::string_view methods) {
  const std::string_view origin = head.Find("origin");
  if (!IsAllowedOrigin(origin, rules)) {
    return std::unexpected(
        Refusal{403, "pages of this origin may not use this service", Reason::kForbidden});
  }
  ResponseHead answer;
  answer.status = 204;
  AddAllowOrigin(origin, rules, answer.headers);
  answer.headers.push_back({"Access-Control-Allow-Methods", std::string(methods)});
  const std::string fields = AllowedFields(head.FindAll("access-control-request-headers"));
  if (!fields.empty()) answer.headers.push_back({"Access-Control-Allow-Headers", fields});
  answer.headers.push_back({"Access-Control-Max-Age", std::string(kMaxAgeSeconds)});
  answer.headers.push_back({"Vary", "Origin, Access-Control-Request-Headers"});
  return answer;
}

std::vector<Header> CorsHeaders(const RequestHead& head, const CorsRules& rules) {
  std::vector<Header> headers;
  if (rules.origins.empty()) return headers;
  if (!AllowsAll(rules)) headers.push_back({"Vary", "Origin"});
  const std::string_view origin = head.Find("origin");
  if (!IsAllowedOrigin(origin, rules)) return headers;
  AddAllowOrigin(origin, rules, headers);
  headers.push_back({"Access-Control-Expose-Headers", std::string(kExposedFields)});
  return headers;
}

}  // namespace holdfast::http
