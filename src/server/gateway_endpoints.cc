#include "server/gateway_endpoints.h"

#include <utility>

#include "api/account/endpoints.h"
#include "api/account/export_endpoint.h"
#include "api/conversations/endpoints.h"
#include "api/gateway/endpoints.h"
#include "api/gateway/service_endpoint.h"
#include "api/metrics.h"
#include "api/openai/answer_call.h"
#include "api/openai/model_list.h"
#include "api/openai/schemas.h"
#include "api/openapi.h"

namespace holdfast::server {
namespace {

api::Endpoint AnswerEndpoint(upstream::Pool& pool, std::string path, std::size_t body_bytes_max) {
  api::Endpoint endpoint;
  endpoint.method = http::Method::kPost;
  endpoint.pattern = path;
  endpoint.access = api::Access::kAnswer;
  endpoint.kind = guard::Route::kApi;
  endpoint.body_bytes_max = body_bytes_max;
  endpoint.parse = api::AnswerFrom(pool, std::move(path));
  endpoint.documentation = {.tag = "answers",
                            .answer_schema = api::kAnswerSchema,
                            .may_stream = true,
                            .statuses = {404, 502, 504}};
  return endpoint;
}

api::GuardHealth HealthOf(const guard::DoorCounters& counters) {
  return {.running = counters.admission.in_flight,
          .waiting = counters.admission.waiting,
          .rung = static_cast<std::uint32_t>(counters.rung),
          .level = guard::RungWord(counters.rung),
          .pressure = counters.admission.pressure};
}

}  // namespace

std::vector<api::Endpoint> GatewayEndpoints(
    upstream::Pool& pool, LiveDoor& door, const api::AccountDesk& desk, const api::GuardDesk& guard,
    api::ProviderDesk& providers, api::ConversationService& conversations,
    const http::StaticFiles& web, const metrics::Registry& registry, const api::BodySizes& sizes,
    std::string& document) {
  std::vector<api::Endpoint> endpoints;
  api::Endpoint chat = AnswerEndpoint(pool, "/v1/chat/completions", sizes.body_bytes_max);
  chat.documentation.id = "createChatCompletion";
  chat.documentation.summary = "An answer to a conversation.";
  chat.documentation.request_schema = api::kChatRequestSchema;
  endpoints.push_back(std::move(chat));
  api::Endpoint text = AnswerEndpoint(pool, "/v1/completions", sizes.body_bytes_max);
  text.documentation.id = "createCompletion";
  text.documentation.summary = "A text that goes on where the prompt ends.";
  text.documentation.request_schema = api::kTextRequestSchema;
  endpoints.push_back(std::move(text));
  endpoints.push_back(api::ListModelsEndpoint(pool));
  endpoints.push_back(api::GetModelEndpoint(pool));
  endpoints.push_back(api::HealthEndpoint(pool, [&door] { return HealthOf(door.counters()); }));
  endpoints.push_back(api::ServiceEndpoint([&door] { return door.level(); }));
  endpoints.push_back(api::MetricsEndpoint(registry));
  endpoints.push_back(api::EnginesEndpoint(pool));
  endpoints.push_back(api::OpenApiEndpoint(document));
  endpoints.push_back(api::ExportEndpoint(desk, conversations.history));
  for (auto& rows :
       {api::EntranceEndpoints(desk, providers), api::ChallengeEndpoints(desk),
        api::OwnAccountEndpoints(desk), api::PasskeyEndpoints(desk), api::OperatorEndpoints(desk),
        api::GuardEndpoints(desk, guard), api::ProviderEndpoints(desk, providers),
        api::ConversationEndpoints(conversations, sizes)}) {
    endpoints.insert(endpoints.end(), rows.begin(), rows.end());
  }
  for (api::Endpoint& page : api::PageEndpoints(web)) endpoints.push_back(std::move(page));
  document = api::OpenApiDocument(endpoints, HOLDFAST_VERSION);
  return endpoints;
}

}  // namespace holdfast::server
