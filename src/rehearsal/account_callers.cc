// Those who come for accounts: guesses of passwords, and sign-ups, honest or not.
#include <string>
#include <utility>

#include "json/json.h"
#include "rehearsal/callers.h"
#include "rehearsal/challenge.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::uint32_t kNamesGuessed = 100'000;

Question JsonQuestion(const Visit& visit, Act act, http::Method method, std::string target,
                      std::string body) {
  Question question;
  question.act = act;
  question.due = visit.due;
  question.patience_s = visit.group->patience_s;
  question.request.method = method;
  question.request.target = std::move(target);
  question.request.host = visit.stage->TargetOf(*visit.group).ToString();
  question.request.keeps_alive = true;
  question.request.headers = {{"Content-Type", "application/json"},
                              {"Origin", "http://" + question.request.host},
                              {"Sec-Fetch-Site", "same-origin"}};
  question.request.body = std::move(body);
  return question;
}

// The service asks for this act to be paid for only while it is attacked; then an honest caller's
// browser solves what is asked, and sends the form again.
net::Awaitable<Reply> SendForm(const Visit& visit, Caller& caller, Act act, std::string target,
                               json::Object form) {
  Stage& stage = *visit.stage;
  Question question = JsonQuestion(visit, act, http::Method::kPost, target, json::Write(form));
  question.wish = stage.NextWish();
  Reply reply = co_await Ask(stage, caller, question);
  const bool pays = visit.group->label == Label::kHonest;
  if (!pays || reply.attempt.reason != "challenge_required") co_return reply;
  Question look = JsonQuestion(visit, Act::kPage, http::Method::kGet,
                               "/api/registration?challenge=1", std::string());
  look.wish = stage.NextWish();
  const Reply task = co_await Ask(stage, caller, look);
  const json::Value solved = SolveChallenge(task.body);
  if (!task.is_good() || !solved.is_object()) co_return reply;
  form["challenge"] = solved;
  question.request.body = json::Write(form);
  ++question.retry;
  co_return co_await Ask(stage, caller, question);
}

}  // namespace

net::Awaitable<void> RunGuess(const Visit& visit) {
  Stage& stage = *visit.stage;
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  const std::vector<Person>& people = stage.accounts().people;
  std::string name = fmt::format("person{}", random.Below(kNamesGuessed));
  if (!people.empty()) {
    name = people[random.Below(static_cast<std::uint32_t>(people.size()))].name;
  }
  std::string password = fmt::format("correct-horse-{:x}", random.Next());
  // An honest caller of this kind is one who logs in.
  if (visit.group->label == Label::kHonest && !people.empty()) {
    const Person& person = people[visit.client % people.size()];
    name = person.name;
    password = person.password;
  }
  json::Object form{{"name", name}, {"password", password}};
  co_await SendForm(visit, caller, Act::kLogIn, "/api/session", std::move(form));
}

net::Awaitable<void> RunSignUp(const Visit& visit) {
  Stage& stage = *visit.stage;
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  Question look =
      JsonQuestion(visit, Act::kPage, http::Method::kGet, "/api/registration", std::string());
  look.wish = stage.NextWish();
  const Reply registration = co_await Ask(stage, caller, look);
  if (!registration.is_good()) co_return;
  const std::string name = fmt::format("r{:x}", random.Next() >> 16);
  json::Object form{{"name", name},
                    {"email", name + "@example.org"},
                    {"password", fmt::format("long-and-{:x}-unguessed", random.Next())}};
  // Solving for thousands of attackers a minute would hold up all others who come from here.
  if (visit.group->label == Label::kHonest) {
    const json::Value solved = SolveChallenge(registration.body);
    if (solved.is_object()) form["challenge"] = solved;
  }
  const Reply reply =
      co_await SendForm(visit, caller, Act::kSignUp, "/api/accounts", std::move(form));
  if (!reply.is_good() || !visit.group->asks_after) co_return;
  caller.cookie = reply.cookie;
  Question chat;
  chat.wish = stage.NextWish();
  chat.due = stage.Now();
  chat.patience_s = visit.group->patience_s;
  chat.request = ChatRequest(visit, caller, random);
  chat.request.headers.push_back({"Origin", "http://" + chat.request.host});
  chat.request.headers.push_back({"Sec-Fetch-Site", "same-origin"});
  co_await Ask(stage, caller, chat);
}

}  // namespace holdfast::rehearsal
