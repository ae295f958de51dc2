// A proof of work before an answer: asked for by whoever was refused as challenge_required. What it
// earns is a pass for some requests of this address, as a cookie for pages and in the body for
// programs, which send it as x-holdfast-pass.
#include "api/account/endpoints.h"
#include "api/account/session_cookie.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::ChallengeDesk;
using accounts::Outcome;

Outcome<Answered> Give(Accounts& desk, const Asked& asked) {
  const accounts::Challenge challenge =
      desk.challenges().Make(asked.guard.challenge_bits, asked.address, asked.now);
  return Answered{200, json::Object{{"seed", challenge.seed},
                                    {"bits", challenge.bits},
                                    {"expires_at", challenge.expires_at}}};
}

Outcome<Answered> Take(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string seed, Text(asked.body, "seed"));
  TRY_ASSIGN(const std::string nonce, Text(asked.body, "nonce"));
  const int bits_min = asked.guard.challenge_bits - ChallengeDesk::kBitsSlack;
  if (!desk.challenges().Take(seed, nonce, bits_min, asked.address, asked.now)) {
    return accounts::Refuse(Reason::kChallengeRequired, "no proof, or one that was taken");
  }
  const std::string pass = desk.challenges().MakePass(asked.address, asked.now);
  return Answered{200,
                  json::Object{{"pass", pass},
                               {"expires_at", asked.now + ChallengeDesk::kPassLifeMs},
                               {"requests", ChallengeDesk::kPassRequests}},
                  {PassCookie(pass, asked.is_encrypted)}};
}

}  // namespace

std::vector<Endpoint> ChallengeEndpoints(const AccountDesk& desk) {
  std::vector<DeskRow> rows = {
      {.pattern = "/api/challenge",
       .access = Access::kMaybeAccount,
       .work = Give,
       .documentation = {.id = "getChallenge",
                         .summary = "A proof of work to do: a nonce such that SHA-256(seed \":\" "
                                    "nonce) begins with `bits` zero bits.",
                         .answer_schema = R"({"type": "object", "required": ["seed", "bits"]})"}},
      {.method = http::Method::kPost,
       .pattern = "/api/challenge",
       .access = Access::kMaybeAccount,
       .work = Take,
       .documentation = {.id = "solveChallenge",
                         .summary = "A pass for some requests of this address, for a proof of "
                                    "work. Send it as the cookie that is set, or as "
                                    "x-holdfast-pass.",
                         .answer_schema = R"({"type": "object", "required": ["pass"]})"}},
  };
  std::vector<Endpoint> endpoints;
  for (DeskRow& row : rows) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  return endpoints;
}

}  // namespace holdfast::api
