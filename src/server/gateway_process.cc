#include "server/gateway_process.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "net/io_threads.h"
#include "server/gateway_routes.h"
#include "server/http_settings.h"
#include "server/process_signals.h"
#include "server/run_files.h"
#include "server/web_assets.h"

namespace holdfast::server {
namespace {

// Everything comes from this origin, nothing is inline, nobody frames the page.
std::vector<http::Header> SecurityHeaders(bool is_encrypted) {
  std::vector<http::Header> headers = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
       "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
  };
  if (is_encrypted) headers.push_back({"Strict-Transport-Security", "max-age=31536000"});
  return headers;
}

AdmissionLimits MakeAdmissionLimits(const GatewayConfig& config) {
  AdmissionLimits limits;
  limits.concurrency_max = static_cast<std::size_t>(config.concurrency_max);
  limits.per_client_max = static_cast<std::size_t>(config.concurrency_per_client_max);
  limits.waiting_max = static_cast<std::size_t>(config.waiting_max);
  limits.waiting_time_max = std::chrono::seconds(config.waiting_seconds_max);
  return limits;
}

Result<std::unique_ptr<const net::TlsContext>> MakeTls(const GatewayConfig& config) {
  if (config.tls_certificate.empty()) return nullptr;
  return net::TlsContext::Open(config.tls_certificate, config.tls_key);
}

Result<net::Endpoint> UpstreamEndpoint(const Config& config) {
  if (!config.gateway.engine.empty()) return net::ParseEndpoint(config.gateway.engine);
  return EngineEndpoint(config);
}

// Listens on every address of the host, all with one port. An address that this machine does not
// have (IPv6 switched off) is left out. Returns the endpoint with its port.
Result<net::Endpoint> ListenEverywhere(http::Server& server, net::Endpoint endpoint) {
  TRY_ASSIGN(const std::vector<net::Endpoint> addresses, net::ResolveToListen(endpoint));
  std::optional<Error> missing;
  bool is_listening = false;
  for (net::Endpoint address : addresses) {
    address.port = endpoint.port;
    const Result<void> listened = server.Listen(address);
    if (listened) {
      is_listening = true;
      endpoint.port = server.endpoints().back().port;
    } else if (listened.error().code == ErrorCode::kIo) {
      missing = listened.error();
    } else {
      return Fail(listened.error());
    }
  }
  if (!is_listening) return Fail(*missing);
  return endpoint;
}

}  // namespace

Result<void> RunGateway(const Config& config) {
  ProcessSignals signals;
  metrics::Registry registry;
  TRY_ASSIGN(const std::unique_ptr<const net::TlsContext> tls, MakeTls(config.gateway));
  TRY_ASSIGN(WebFiles web_files, LoadWebFiles(config.gateway.web_dir));
  const http::StaticFiles web(std::move(web_files.files));
  TRY_ASSIGN(const net::Endpoint engine, UpstreamEndpoint(config));
  TRY_ASSIGN(const net::Endpoint endpoint, net::ParseEndpoint(config.gateway.listen));

  upstream::Upstream upstream(engine, upstream::Limits{}, registry);
  api::RelayLimits relay_limits;
  relay_limits.answer_time_max = std::chrono::seconds(config.engine.answer_seconds_max);
  PipelineOptions pipeline_options = MakePipelineOptions(config.http, /*is_behind_gateway=*/false);
  pipeline_options.headers = SecurityHeaders(tls != nullptr);
  const http::Router router =
      GatewayRoutes(upstream, relay_limits, web, registry, pipeline_options.body.bytes_max);
  Admission admission(MakeAdmissionLimits(config.gateway));
  RequestPipeline pipeline(router, admission, registry, pipeline_options);

  net::IoThreads threads(static_cast<std::size_t>(config.gateway.io_threads));
  const net::ConnectionLimits connections{
      static_cast<std::size_t>(config.gateway.connections_max),
      static_cast<std::size_t>(config.gateway.connections_per_client_max)};
  http::ServerOptions server_options = MakeServerOptions(config.http, connections);
  server_options.tls = tls.get();
  http::Server server(
      threads, std::move(server_options),
      [&](http::Exchange& exchange) { return pipeline.Serve(exchange); },
      [&](http::Exchange& exchange, const http::Refusal& refusal) {
        return pipeline.Refuse(exchange, refusal);
      });
  TRY_ASSIGN(const net::Endpoint listening, ListenEverywhere(server, endpoint));
  const std::string url =
      fmt::format("{}://{}/", tls == nullptr ? "http" : "https", listening.ToString());
  log::info("listening on {}, engine at {}", url, engine.ToString());
  threads.Spawn(0, upstream.Watch([url](bool is_up) {
    if (is_up) log::info("the engine is up: open {} in a browser", url);
    if (!is_up) log::warn("the engine is down");
  }));

  signals.Wait();
  log::info("draining, at most {} s", config.up.drain_seconds_max);
  const std::size_t cut = server.Drain(std::chrono::seconds(config.up.drain_seconds_max));
  threads.Stop();
  log::info("stopped, {} connections cut", cut);
  return {};
}

}  // namespace holdfast::server
