#include "api/gateway/service_endpoint.h"

#include <string_view>
#include <utility>

#include "api/reply.h"

namespace holdfast::api {
namespace {

// In words for people; empty: nothing is different.
std::string_view MeaningOf(guard::Rung rung) {
  switch (rung) {
    case guard::Rung::kOpen:
      break;
    case guard::Rung::kNoEarlyRetries:
      return "The service is busy. Answers take longer to begin, and who comes back too early is "
             "turned away.";
    case guard::Rung::kShorterAnswers:
      return "The service is over its capacity. Answers are shorter for now, so that there is one "
             "for everybody.";
    case guard::Rung::kNoBatch:
      return "The service is over its capacity. Answers may be shorter for now, and work that "
             "nobody waits for is turned away.";
    case guard::Rung::kNoAnonymous:
      return "The service is far over its capacity. Answers are shorter for now, and who is not "
             "logged in may be turned away.";
    case guard::Rung::kHistoryOnly:
      return "The service is far over its capacity. Conversations can be read, but only people who "
             "have used it before can ask for now.";
  }
  return "";
}

json::Value WordsOrNull(std::string_view words) {
  return words.empty() ? json::Value(nullptr) : json::Value(words);
}

json::Value TimeOrNull(std::int64_t time_ms) {
  return time_ms == 0 ? json::Value(nullptr) : json::Value(time_ms);
}

json::Object JsonOf(const ServiceLevel& level) {
  json::Object registration;
  registration["level"] = guard::SignUpRungWord(level.registration.rung);
  registration["since"] = TimeOrNull(level.registration.since);
  registration["means"] = WordsOrNull(WhyOf(level.registration.rung));
  json::Object service;
  service["level"] = guard::RungWord(level.rung);
  service["since"] = TimeOrNull(level.since_ms);
  service["means"] = WordsOrNull(MeaningOf(level.rung));
  service["answer_tokens_max"] =
      level.answer_tokens_max == 0 ? json::Value(nullptr) : json::Value(level.answer_tokens_max);
  service["registration"] = std::move(registration);
  return service;
}

net::Awaitable<ApiResult<void>> Service(ServiceLevel level, Reply& reply) {
  const json::Value body = JsonOf(level);
  co_return co_await reply.SendJson(body);
}

}  // namespace

Endpoint ServiceEndpoint(std::function<ServiceLevel()> level) {
  Endpoint endpoint;
  endpoint.pattern = "/api/service";
  endpoint.parse =
      Answering([level = std::move(level)](Reply& reply) { return Service(level(), reply); });
  endpoint.documentation = {
      .id = "service",
      .summary = "How far the service has stepped down, and what that means for who asks.",
      .tag = "service",
      .answer_schema = R"({"type": "object",
        "required": ["level", "since", "means", "answer_tokens_max", "registration"]})"};
  return endpoint;
}

}  // namespace holdfast::api
