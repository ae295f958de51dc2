// Endpoint: one operation of a process's HTTP interface, as one row says it: where it is, who may
// call it, what it is to the guard, how its errors look, how large its body may be, how its call is
// read, and what its documentation says. The router, the pipeline and /openapi.json are all made of
// the same table. Built at start, then immutable and thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "api/api_error.h"
#include "api/call.h"
#include "guard/facts.h"
#include "http/message.h"

namespace holdfast::api {

enum class Access : std::uint8_t {
  kAnyone,        // And nobody looks who it is.
  kThisMachine,   // Only who connects from this machine itself.
  kMaybeAccount,  // Anyone; who has a session is known by it.
  kAnswer,        // An account, by session or key; anonymous callers where the operator allows it.
  kSession,       // Who is logged in.
  kOperator,      // Who is logged in as an operator.
};

// A request as its endpoint reads it. The head outlives the call.
struct Context {
  const http::RequestHead& head;
  std::map<std::string, std::string, std::less<>> params;
  std::string_view request_id;
  // Who asks, opaque: the same for the same caller, and no other's.
  std::string_view client;
  // Null: nobody that is known. Outlives the call.
  const accounts::Identity* who = nullptr;
  // Where it came from, as the guard names it (guard::Caller::address).
  std::uint64_t address = 0;
  bool is_encrypted = false;      // On its way to us.
  bool is_local = false;          // From this machine itself.
  bool may_be_anonymous = false;  // This caller may have answers without an account.
};

// What /openapi.json says of the operation beside what the rest of the row says.
struct Documentation {
  std::string_view id = {};       // operationId.
  std::string_view summary = {};  // A sentence.
  std::string_view tag = {};
  // JSON Schema of the body, and of the answer with `answer_type`; JSON text, empty: none.
  std::string_view request_schema = {};
  std::string_view answer_schema = {};
  std::string_view answer_type = "application/json";
  bool may_stream = false;  // The answer may be a stream of events instead.
  int status = 200;         // Of an answer that is no refusal.
  // Statuses of its refusals beside those that the pipeline itself makes of the row.
  std::vector<int> statuses = {};
};

// What a body is.
enum class BodyKind : std::uint8_t {
  kJson,  // A request, within the process's limit of all requests too.
  kFile,  // JSON or a ZIP that somebody uploads, as large as its endpoint says.
};

struct Endpoint {
  using Parse = std::function<ApiResult<std::unique_ptr<Call>>(const Context&, std::string body)>;

  http::Method method = http::Method::kGet;
  std::string pattern;  // See http/path_table.h.
  Access access = Access::kAnyone;
  // What the guard is asked about it; nullopt: nothing, it costs next to nothing.
  std::optional<guard::Route> kind;
  Dialect dialect = Dialect::kOpenAi;
  std::size_t body_bytes_max = 0;  // 0: it takes no body.
  BodyKind body = BodyKind::kJson;
  Parse parse;
  Documentation documentation;
};

// For an endpoint whose call is one function of nothing but the reply.
Endpoint::Parse Answering(std::function<net::Awaitable<ApiResult<void>>(Reply&)> answer);

}  // namespace holdfast::api
