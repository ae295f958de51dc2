#include "api/openapi.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/check.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kErrorSchema = R"({
  "type": "object",
  "required": ["error"],
  "properties": {
    "error": {
      "type": "object",
      "required": ["message", "type", "param", "code", "reason", "side", "request_id"],
      "properties": {
        "message": {"type": "string"},
        "type": {"type": "string"},
        "param": {"type": ["string", "null"]},
        "code": {"type": "string"},
        "reason": {"type": "string", "description": "One word of a closed list."},
        "side": {"enum": ["client", "service"]},
        "retry_after_ms": {"type": "integer"},
        "decision": {"type": "string", "description": "Of a restriction that is why."},
        "rule": {"type": "string"},
        "expires_at": {"type": "integer", "description": "Milliseconds since 1970."},
        "objection": {"type": ["string", "null"], "description": "Where to object."},
        "request_id": {"type": ["string", "null"]}
      }
    }
  }
})";

json::Value Schema(std::string_view text) {
  Result<json::Value> schema = json::Parse(text);
  CHECK_MSG(schema.has_value(), "a schema in the code is not JSON: {}", text);
  return std::move(*schema);
}

// "/v1/models/{id*}" is "/v1/models/{id}" to OpenAPI.
std::string PathOf(std::string_view pattern, json::Array& parameters) {
  std::string path;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    path += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    std::string_view name = pattern.substr(open + 1, close - open - 1);
    if (name.ends_with('*')) name.remove_suffix(1);
    path += fmt::format("{{{}}}", name);
    parameters.emplace_back(
        json::Object{{"name", name},
                     {"in", "path"},
                     {"required", true},
                     {"schema", Schema(R"({"type": "string", "minLength": 1})")}});
    pattern.remove_prefix(close + 1);
  }
  return path;
}

json::Object Content(std::string_view type, json::Value schema) {
  json::Object media;
  media["schema"] = std::move(schema);
  json::Object content;
  content[type] = std::move(media);
  return content;
}

bool HasBody(int status) { return status != 204 && (status < 300 || status > 399); }

json::Object Success(const Documentation& documentation) {
  if (!HasBody(documentation.status)) return {{"description", "Done; there is no body."}};
  json::Object content;
  json::Value schema = documentation.answer_schema.empty() ? Schema(R"({"type": "string"})")
                                                           : Schema(documentation.answer_schema);
  content = Content(documentation.answer_type, std::move(schema));
  if (documentation.may_stream) {
    // Tools hold each event to a schema, and do not agree on what one is to it.
    content["text/event-stream"] = json::Object{};
  }
  return {{"description", documentation.may_stream ? "The answer, whole or as a stream of events."
                                                   : "The answer."},
          {"content", std::move(content)}};
}

json::Object Responses(const Endpoint& endpoint) {
  json::Object responses;
  for (const int status : StatusesOf(endpoint)) {
    json::Object response =
        status == endpoint.documentation.status
            ? Success(endpoint.documentation)
            : json::Object{
                  {"description", http::StatusText(status)},
                  {"content", Content("application/json",
                                      Schema(R"({"$ref": "#/components/schemas/Error"})"))}};
    responses[std::to_string(status)] = std::move(response);
  }
  return responses;
}

json::Object Operation(const Endpoint& endpoint, json::Array parameters) {
  const Documentation& documentation = endpoint.documentation;
  json::Object operation;
  operation["operationId"] = documentation.id;
  operation["summary"] = documentation.summary;
  operation["tags"] = json::Array{json::Value(documentation.tag)};
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!documentation.request_schema.empty()) {
    json::Object content = Content("application/json", Schema(documentation.request_schema));
    // Bytes need no schema (OpenAPI 3.1, 4.8.14.2).
    if (endpoint.body == BodyKind::kFile) content["application/zip"] = json::Object{};
    operation["requestBody"] = json::Object{{"required", true}, {"content", std::move(content)}};
  }
  operation["responses"] = Responses(endpoint);
  return operation;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

}  // namespace

std::vector<int> StatusesOf(const Endpoint& endpoint) {
  std::set<int> statuses = {400, 408, 414, 421, 431, 500};
  statuses.insert(endpoint.documentation.status);
  if (endpoint.access != Access::kAnyone) statuses.insert({403, 503});
  if (endpoint.access >= Access::kAnswer) statuses.insert(401);
  if (endpoint.access == Access::kAnswer) statuses.insert({402, 429});
  if (endpoint.kind) statuses.insert({403, 429, 503});
  if (endpoint.body_bytes_max > 0) statuses.insert({408, 411, 413, 415, 417, 501, 503});
  statuses.insert(endpoint.documentation.statuses.begin(), endpoint.documentation.statuses.end());
  return {statuses.begin(), statuses.end()};
}

std::string OpenApiDocument(std::span<const Endpoint> endpoints, std::string_view version) {
  json::Object paths;
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.documentation.id.empty()) continue;
    json::Array parameters;
    const std::string path = PathOf(endpoint.pattern, parameters);
    json::Value& item = paths.emplace(path, json::Object{}).first->value();
    item.as_object()[Lower(http::MethodName(endpoint.method))] =
        Operation(endpoint, std::move(parameters));
  }
  json::Object document;
  document["openapi"] = "3.1.0";
  document["info"] = json::Object{{"title", "Holdfast"}, {"version", version}};
  document["paths"] = std::move(paths);
  document["components"] = json::Object{{"schemas", json::Object{{"Error", Schema(kErrorSchema)}}}};
  return json::Write(document);
}

}  // namespace holdfast::api
