#include <utility>

#include "api/account/account_json.h"
#include "api/account/endpoints.h"
#include "api/query.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;
using http::Method;

constexpr std::string_view kObject = R"({"type": "object"})";

Outcome<std::string> FromQuery(const Asked& asked, std::string_view key) {
  constexpr std::size_t kBytesMax = 64;
  const auto value = QueryValue(asked.query, key, kBytesMax);
  if (!value) return accounts::Refuse(Reason::kBadRequest, value.error().message);
  return value->value_or("");
}

DeskWork ListDecisions(const GuardDesk& guard) {
  return [&guard](Accounts&, const Asked& asked) -> Outcome<Answered> {
    TRY_ASSIGN(const std::string state, FromQuery(asked, "state"));
    TRY_ASSIGN(const std::string cursor, FromQuery(asked, "cursor"));
    const bool has_ended = state == "ended";
    if (!has_ended && !state.empty() && state != "in_force") {
      return accounts::Refuse(Reason::kBadRequest, "`state` is in_force or ended.");
    }
    return Answered{200, PageJson(guard.list(cursor, has_ended))};
  };
}

DeskWork FindDecision(const GuardDesk& guard) {
  return [&guard](Accounts&, const Asked& asked) -> Outcome<Answered> {
    const std::optional<GuardDecision> found = guard.find(asked.params.at("id"));
    if (!found) return accounts::Refuse(Reason::kNotFound, "no such decision");
    return Answered{200, DecisionJson(*found)};
  };
}

DeskWork UndoDecision(const GuardDesk& guard) {
  return [&guard](Accounts&, const Asked& asked) -> Outcome<Answered> {
    TRY(guard.undo(asked.params.at("id"), asked.who.account_id));
    return Answered{204, nullptr};
  };
}

}  // namespace

json::Object DecisionJson(const GuardDecision& decision) {
  json::Array evidence;
  for (const GuardEvidence& one : decision.evidence) {
    evidence.push_back(
        json::Object{{"detector", one.detector}, {"value", one.value}, {"llr", one.llr}});
  }
  return {{"id", decision.id},
          {"rule", decision.rule},
          {"action", decision.action},
          {"scope", decision.scope},
          {"name", decision.name},
          {"since", decision.since},
          {"expires_at", decision.expires_at},
          {"evidence", std::move(evidence)},
          {"state", decision.state},
          {"ended_at", OrNull(decision.ended_at)},
          {"ended_by",
           decision.ended_by.empty() ? json::Value(nullptr) : json::Value(decision.ended_by)}};
}

json::Object PageJson(const GuardPage& page) {
  json::Array decisions;
  for (const GuardDecision& one : page.decisions) decisions.push_back(DecisionJson(one));
  return {{"decisions", std::move(decisions)}, {"next", OrNull(page.next)}};
}

std::vector<Endpoint> GuardEndpoints(const AccountDesk& desk, const GuardDesk& guard) {
  const auto endpoint = [&desk](Method method, std::string pattern, DeskWork work,
                                Documentation documentation) {
    return DeskEndpoint(desk, {.method = method,
                               .pattern = std::move(pattern),
                               .access = Access::kOperator,
                               .work = std::move(work),
                               .documentation = std::move(documentation),
                               .needs_fresh = method != Method::kGet});
  };
  std::vector<Endpoint> endpoints;
  endpoints.push_back(
      endpoint(Method::kGet, "/api/admin/guard",
               [&guard](Accounts&, const Asked&) -> Outcome<Answered> {
                 return Answered{200, guard.state()};
               },
               {.id = "getGuard", .summary = "How the guard stands.", .answer_schema = kObject}));
  endpoints.push_back(endpoint(Method::kGet, "/api/admin/guard/decisions", ListDecisions(guard),
                               {.id = "listDecisions",
                                .summary = "Who is limited, by what rule and evidence, until when.",
                                .answer_schema = kObject}));
  endpoints.push_back(endpoint(Method::kGet, "/api/admin/guard/decisions/{id}", FindDecision(guard),
                               {.id = "getDecision",
                                .summary = "One decision, in force or ended lately.",
                                .answer_schema = kObject,
                                .statuses = {404}}));
  endpoints.push_back(
      endpoint(Method::kDelete, "/api/admin/guard/decisions/{id}", UndoDecision(guard),
               {.id = "undoDecision",
                .summary = "Undoes a decision, and pardons whom it was about for a while.",
                .status = 204,
                .statuses = {404}}));
  return endpoints;
}

}  // namespace holdfast::api
