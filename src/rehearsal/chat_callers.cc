// Those who ask for answers: people before the page, programs with a stock client, floods, and
// clients that ask without end.
#include <algorithm>
#include <array>
#include <utility>

#include "rehearsal/callers.h"

namespace holdfast::rehearsal {
namespace {

constexpr double kSdkPatienceS = 600;
constexpr double kThinkSigma = 0.7;
// A person who is told a longer wait than this gives up.
constexpr double kPersonWaitMax = 60;
constexpr int kTurnsMax = 1'000;

Micros After(Stage& stage, double seconds) {
  return stage.Now() + static_cast<Micros>(seconds * 1e6);
}

void AddBrowserHeaders(const Stage& stage, const Group& group, http::ClientRequest& request) {
  request.headers.push_back({"User-Agent",
                             "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
                             "Gecko) Chrome/138.0.0.0 Safari/537.36"});
  request.headers.push_back({"Accept-Language", "en"});
  request.headers.push_back({"Sec-Fetch-Site", "same-origin"});
  request.headers.push_back({"Sec-Fetch-Mode", "cors"});
  request.headers.push_back({"Sec-Fetch-Dest", "empty"});
  request.headers.push_back({"Origin", "http://" + stage.TargetOf(group).ToString()});
}

http::ClientRequest PageRequest(const Visit& visit) {
  http::ClientRequest request;
  request.target = "/";
  request.host = visit.stage->TargetOf(*visit.group).ToString();
  request.keeps_alive = true;
  request.headers = {{"User-Agent",
                      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                      "Chrome/138.0.0.0 Safari/537.36"},
                     {"Accept", "text/html,application/xhtml+xml"},
                     {"Accept-Language", "en"},
                     {"Sec-Fetch-Site", "none"},
                     {"Sec-Fetch-Mode", "navigate"},
                     {"Sec-Fetch-Dest", "document"}};
  return request;
}

// A turn with its second try; false: the person has had enough.
net::Awaitable<bool> AskTurn(const Visit& visit, Caller& caller, drill::RandomStream& random,
                             Micros due) {
  Stage& stage = *visit.stage;
  Question question;
  question.wish = stage.NextWish();
  question.due = due;
  question.patience_s = visit.group->patience_s;
  question.request = ChatRequest(visit, caller, random);
  for (question.retry = 0;; ++question.retry) {
    const Reply reply = co_await Ask(stage, caller, question);
    if (reply.is_good()) co_return true;
    const double wait_s = reply.retry_after_s.value_or(2 + 3 * random.Uniform());
    const bool comes_again = question.retry == 0 && wait_s <= kPersonWaitMax &&
                             reply.attempt.end != End::kLeft && random.Chance(visit.group->returns);
    if (!comes_again || stage.IsOver()) co_return false;
    co_await stage.SleepUntil(After(stage, wait_s));
  }
}

}  // namespace

bool SpeaksAsBrowser(GroupKind kind) {
  return kind == GroupKind::kPeople || kind == GroupKind::kCrowdPage || kind == GroupKind::kMimic;
}

double WishesPerVisit(const Group& group) {
  return SpeaksAsBrowser(group.kind) && group.kind != GroupKind::kMimic ? group.turns : 1;
}

std::optional<double> RetryAfter(const RetryRule& rule, const Reply& reply, int retry,
                                 double uniform) {
  if (retry >= rule.retries_max || reply.attempt.end == End::kLeft) return std::nullopt;
  const int status = reply.attempt.status;
  const bool failed = reply.attempt.end == End::kFailed;
  const bool is_passing =
      failed || status == 408 || status == 409 || status == 429 || status >= 500;
  // An answer that breaks off in the middle is not asked for again.
  if (!failed && reply.attempt.end != End::kRefused) return std::nullopt;
  if (!rule.heeds) return 0.0;
  if (!reply.should_retry.value_or(is_passing)) return std::nullopt;
  if (reply.retry_after_s && *reply.retry_after_s <= rule.heeded_s_max) return reply.retry_after_s;
  const double back_off = std::min(rule.first_s * static_cast<double>(1 << retry), rule.last_s);
  return back_off * (1 - 0.25 * uniform);
}

http::ClientRequest ChatRequest(const Visit& visit, const Caller& caller,
                                drill::RandomStream& random) {
  const Stage& stage = *visit.stage;
  const Group& group = *visit.group;
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = "/v1/chat/completions";
  request.host = stage.TargetOf(group).ToString();
  request.headers = {{"Content-Type", "application/json"}};
  if (!caller.key.empty()) request.headers.push_back({"Authorization", "Bearer " + caller.key});
  if (!caller.cookie.empty()) request.headers.push_back({"Cookie", caller.cookie});
  if (SpeaksAsBrowser(group.kind)) {
    AddBrowserHeaders(stage, group, request);
    request.keeps_alive = true;
  } else {
    request.headers.push_back({"User-Agent", "OpenAI/Python 1.99.9"});
    request.headers.push_back({"X-Stainless-Lang", "python"});
  }
  const Size size = visit.size ? *visit.size : DrawSize(group, random);
  request.body = stage.prompts().ChatBody(group, stage.plan().model, size, random);
  return request;
}

net::Awaitable<void> RunPerson(const Visit& visit) {
  Stage& stage = *visit.stage;
  const Group& group = *visit.group;
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  Question page;
  page.act = Act::kPage;
  page.wish = stage.NextWish();
  page.due = visit.due;
  page.patience_s = group.patience_s;
  page.request = PageRequest(visit);
  const Reply shown = co_await Ask(stage, caller, page);
  if (!shown.is_good()) co_return;
  // A mimic's visits are requests of a trace, one each.
  const double goes_on = group.kind == GroupKind::kMimic ? 0 : 1 - 1 / group.turns;
  Micros due = stage.Now();
  const Micros end = static_cast<Micros>(group.end_s * 1e6);
  for (int turn = 0; turn < kTurnsMax && !stage.IsOver() && due < end; ++turn) {
    const bool is_content = co_await AskTurn(visit, caller, random, due);
    if (!is_content || !random.Chance(goes_on)) co_return;
    due = After(stage, random.LogNormal(std::max(group.think_s, 0.001), kThinkSigma));
    co_await stage.SleepUntil(due);
  }
}

net::Awaitable<void> RunProgram(const Visit& visit, const RetryRule& rule) {
  Stage& stage = *visit.stage;
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  Question question;
  question.wish = stage.NextWish();
  question.due = visit.due;
  question.patience_s = kSdkPatienceS;
  question.request = ChatRequest(visit, caller, random);
  for (question.retry = 0;; ++question.retry) {
    const Reply reply = co_await Ask(stage, caller, question);
    if (reply.is_good()) co_return;
    const std::optional<double> wait_s =
        RetryAfter(rule, reply, static_cast<int>(question.retry), random.Uniform());
    if (!wait_s || stage.IsOver()) co_return;
    if (*wait_s > 0) co_await stage.SleepUntil(After(stage, *wait_s));
  }
}

net::Awaitable<void> RunOnce(const Visit& visit) {
  Stage& stage = *visit.stage;
  const Group& group = *visit.group;
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  Question question;
  question.wish = stage.NextWish();
  question.due = visit.due;
  question.patience_s = group.patience_s;
  question.request = ChatRequest(visit, caller, random);
  if (group.kind == GroupKind::kAbandon) {
    question.leave_tokens = static_cast<std::uint32_t>(group.leave_tokens);
  }
  if (group.kind == GroupKind::kSlowRead) question.read_interval_s = group.interval_s;
  co_await Ask(stage, caller, question);
}

net::Awaitable<void> RunLoop(const Visit& visit) {
  // A refusal that comes at once must not become a flood of its own.
  constexpr double kPauseMin = 0.02;
  Stage& stage = *visit.stage;
  const Group& group = *visit.group;
  const Micros end = static_cast<Micros>(group.end_s * 1e6);
  drill::RandomStream random(visit.random_seed);
  Caller caller = MakeCaller(visit);
  co_await stage.SleepUntil(visit.due);
  while (!stage.IsOver() && stage.Now() < end) {
    Question question;
    question.wish = stage.NextWish();
    question.due = stage.Now();
    question.patience_s = kSdkPatienceS;
    question.request = ChatRequest(visit, caller, random);
    const Reply reply = co_await Ask(stage, caller, question);
    double pause_s = group.pause_s;
    if (!reply.is_good()) {
      pause_s = std::max(pause_s, kPauseMin);
      // An honest client that asks without end waits as it is told.
      if (group.label == Label::kHonest) {
        pause_s = std::max(pause_s, RetryAfter(kSdkRule, reply, 0, random.Uniform()).value_or(1));
      }
    }
    co_await stage.SleepUntil(After(stage, pause_s));
  }
}

}  // namespace holdfast::rehearsal
