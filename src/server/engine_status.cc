#include "server/engine_status.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <future>
#include <vector>

#include "http/client.h"
#include "json/json.h"
#include "net/io_threads.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kTimeMax{5};
constexpr std::size_t kAnswerBytesMax = 1 << 20;

net::Awaitable<Result<std::string>> Ask(net::Endpoint endpoint) {
  const net::TimePoint deadline = net::Clock::now() + kTimeMax;
  http::ClientRequest request;
  request.target = "/api/engines";
  http::ClientCall call;
  CO_TRY(co_await call.Start(endpoint, request, deadline));
  CO_TRY_ASSIGN(std::string body, co_await call.ReadAll(kAnswerBytesMax, deadline));
  if (call.head().status != 200) {
    co_return Fail(ErrorCode::kUnavailable, "the gateway at {} answered {}", endpoint.ToString(),
                   call.head().status);
  }
  co_return body;
}

net::Awaitable<void> AskAndTell(net::Endpoint endpoint, std::promise<Result<std::string>>& answer) {
  answer.set_value(co_await Ask(std::move(endpoint)));
}

std::string Cell(const json::Object& row, std::string_view key) {
  const json::Value* const value = json::Find(row, key);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_double()) return fmt::format("{:.1f}", value->as_double());
  if (value->is_array()) {
    std::string joined;
    for (const json::Value& one : value->as_array()) {
      if (!joined.empty()) joined += ",";
      if (one.is_string()) joined += one.as_string();
    }
    return joined.empty() ? "-" : joined;
  }
  std::string text = value->is_string() ? std::string(value->as_string()) : json::Write(*value);
  return text.empty() ? "-" : text;
}

}  // namespace

Result<std::string> FormatEngines(std::string_view text) {
  constexpr std::array kColumns = {"name",    "state",      "why",       "models",
                                   "running", "waiting",    "in_flight", "tokens_per_s",
                                   "breaker", "last_error", "answers",   "failures"};
  Result<json::Value> answer = json::Parse(text);
  if (!answer || !answer->is_object()) {
    return Fail(ErrorCode::kCorrupt, "the gateway's answer is no JSON object");
  }
  TRY_ASSIGN(const json::Array* const engines,
             json::RequireArray(answer->as_object(), "engines", 10'000));
  std::vector<std::array<std::string, kColumns.size()>> rows(1);
  for (std::size_t c = 0; c < kColumns.size(); ++c) rows[0][c] = kColumns[c];
  for (const json::Value& engine : *engines) {
    if (!engine.is_object()) return Fail(ErrorCode::kCorrupt, "an engine is no JSON object");
    auto& row = rows.emplace_back();
    for (std::size_t c = 0; c < kColumns.size(); ++c)
      row[c] = Cell(engine.as_object(), kColumns[c]);
  }
  std::array<std::size_t, kColumns.size()> widths{};
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string table;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      table += c + 1 < row.size() ? fmt::format("{:<{}}  ", row[c], widths[c]) : row[c];
    }
    table += '\n';
  }
  return table;
}

Result<void> PrintEngineStatus(const Config& config, bool as_json) {
  TRY_ASSIGN(net::Endpoint endpoint, net::ParseEndpoint(config.gateway.listen));
  net::IoThreads threads(1);
  std::promise<Result<std::string>> promise;
  threads.Spawn(0, AskAndTell(std::move(endpoint), promise));
  const Result<std::string> answer = promise.get_future().get();
  threads.Stop();
  if (!answer) return Fail(answer.error());
  std::string text = *answer + "\n";
  if (!as_json) {
    TRY_ASSIGN(text, FormatEngines(*answer));
  }
  std::fputs(text.c_str(), stdout);
  return {};
}

}  // namespace holdfast::server
