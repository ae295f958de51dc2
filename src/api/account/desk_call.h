// DeskCall: a call of the account API: one piece of work on the database, done on the blocking
// pool, whose result is the answer. What the work needs of the request is copied for it, since it
// runs on another thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "accounts/accounts.h"
#include "accounts/probation.h"
#include "api/call.h"
#include "api/endpoint.h"
#include "guard/entrance/registration.h"
#include "json/json.h"
#include "net/blocking_pool.h"

namespace holdfast::api {

// What the guard makes of registrations now.
struct GuardRegistration {
  guard::SignUpRung rung = guard::SignUpRung::kOpen;
  accounts::TimeMs since = 0;          // On this rung; 0: never restricted since the start.
  accounts::TimeMs restricted_at = 0;  // When restrictions began last.
  accounts::TimeMs lifted_at = 0;      // When restrictions ended last; 0: not since the start.
  double rate = 0;                     // Sign-ups a second when it went there, and what is usual.
  double baseline = 0;
  int challenge_bits = 0;

  bool is_restricted() const { return rung != guard::SignUpRung::kOpen; }
  accounts::RegistrationCalm calm() const { return {is_restricted(), restricted_at, lifted_at}; }
};

// What the rung asks, in words for people; empty: nothing.
std::string_view WhyOf(guard::SignUpRung rung);

// Whom the endpoints of accounts are made for. All of it outlives them.
struct AccountDesk {
  accounts::Accounts& accounts;
  net::BlockingPool& pool;
  // Milliseconds since 1970.
  std::function<accounts::TimeMs()> now;
  std::function<GuardRegistration()> guard;
};

// What a piece of work may know.
struct Asked {
  accounts::Identity who;
  json::Object body;
  std::map<std::string, std::string, std::less<>> params;
  std::string query;
  std::string device;  // "Firefox on Linux"
  std::string log_in;  // The token of its log-in at a provider; empty: none.
  std::string host;    // Of the request, which was checked.
  bool is_encrypted = false;
  bool is_local = false;
  bool may_be_anonymous = false;
  std::string badge;          // Of its device; empty: none.
  std::uint64_t address = 0;  // As the guard names it.
  GuardRegistration guard;
  SignUpEntry entry;  // Of a sign-up.
  accounts::TimeMs now = 0;

  accounts::GuardTerms guard_terms() const { return {entry.needs_mail, entry.on_probation}; }
};

struct Answered {
  int status = 200;
  json::Value body = {};  // Null: an answer without a body, 204.
  std::vector<http::Header> headers = {};
  std::string file = {};  // Instead of the body, with its type.
  std::string file_type = {};
};

using DeskWork = std::function<accounts::Outcome<Answered>(accounts::Accounts&, const Asked&)>;

// A row of the endpoint table. `kind` says what the door is asked; kLogin and kRegister are told
// whose account it is about: by the field `name` of the body, or else its `token`, the id of its
// `credential`. Who is logged in is counted by that.
struct DeskRow {
  http::Method method = http::Method::kGet;
  std::string pattern;
  Access access = Access::kSession;
  DeskWork work;
  Documentation documentation = {};
  std::optional<guard::Route> kind = {};
  // Answers before the work begins, and always the same, so that neither answer nor time
  // tells what it found.
  bool answers_at_once = false;
  // What it has done, it tells on the next whole kEvenStep after it began, so that its time does
  // not tell what it found. Refusals come at once.
  bool answers_evenly = false;
  // What could do harm is asked of who has shown lately who it is; see Accounts::CheckFresh.
  bool needs_fresh = false;
};

// Longer than the work takes on a machine that is not loaded: hashing a password and some
// transactions.
inline constexpr std::chrono::milliseconds kEvenStep{250};

Endpoint DeskEndpoint(const AccountDesk& desk, DeskRow row);

// What a refusal says on the wire. Words meant for people are passed on, others stay in the log.
ApiError ToApiError(const accounts::Refused& refused);

// A text field; missing: empty. Errors: kBadRequest, naming it.
accounts::Outcome<std::string> Text(const json::Object& body, std::string_view key,
                                    std::size_t bytes_max = 1024);
accounts::Outcome<Secret> SecretText(const json::Object& body, std::string_view key);
accounts::Outcome<std::optional<std::int64_t>> Number(const json::Object& body,
                                                      std::string_view key, std::int64_t min,
                                                      std::int64_t max);
accounts::Outcome<std::vector<std::string>> Texts(const json::Object& body, std::string_view key,
                                                  std::size_t count_max, std::size_t bytes_max);

}  // namespace holdfast::api
