#include "server/engine_pool.h"

#include <utility>

#include "api/limits.h"
#include "base/rate_window.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

// "host:port", as gateway.engine has always taken it, is plain HTTP.
std::string UrlOf(const std::string& endpoint) {
  const bool is_url = endpoint.starts_with("unix:") || endpoint.find("://") != std::string::npos;
  return is_url ? endpoint : "http://" + endpoint;
}

Result<upstream::EngineSpec> SpecOf(const EngineEntry& entry) {
  upstream::EngineSpec spec;
  spec.name = entry.name;
  spec.url = UrlOf(entry.url);
  spec.models = entry.models;
  spec.weight = entry.weight;
  spec.tls.ca_file = entry.tls_ca_file;
  spec.tls.server_name = entry.tls_server_name;
  spec.tls.insecure = entry.tls_insecure;
  if (!entry.key_file.empty()) {
    TRY_ASSIGN(spec.key, upstream::ReadKeyFile(entry.key_file));
  }
  return spec;
}

}  // namespace

Result<std::vector<upstream::EngineSpec>> EngineSpecs(const Config& config) {
  std::vector<upstream::EngineSpec> specs;
  const auto add = [&](std::string name, std::string url) {
    upstream::EngineSpec spec;
    spec.name = std::move(name);
    spec.url = UrlOf(url);
    specs.push_back(std::move(spec));
  };
  if (!config.gateway.engine.empty()) {
    add("engine", config.gateway.engine);
    return specs;
  }
  if (config.has_own_engine) {
    TRY_ASSIGN(const net::Endpoint own, EngineEndpoint(config));
    add("own", own.ToString());
  }
  for (const EngineEntry& entry : config.engines) {
    TRY_ASSIGN(upstream::EngineSpec spec, SpecOf(entry));
    specs.push_back(std::move(spec));
  }
  return specs;
}

upstream::PoolLimits MakePoolLimits(const Config& config) {
  upstream::PoolLimits limits;
  limits.answer_time_max = std::chrono::seconds(config.engine.answer_seconds_max);
  limits.head_time_max = limits.answer_time_max;
  limits.answer_bytes_max = api::kAnswerBytesMax;
  return limits;
}

guard::EngineReport ToEngineReport(const upstream::PoolReport& report) {
  return {.running = report.running,
          .waiting = report.waiting,
          .sequences_max = report.sequences_max,
          .free_cache_share = report.free_cache_share,
          .workers_up = report.engines_up,
          .workers_total = report.engines_total,
          .tokens_per_s = report.tokens_per_s,
          // Other engines' pages are not much different.
          .tokens_span_s = RateWindow::kSpan_s};
}

}  // namespace holdfast::server
