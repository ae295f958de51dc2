#include "server/gateway_process.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "crypto/keyed_hash.h"
#include "net/file_limits.h"
#include "net/io_threads.h"
#include "server/address_book.h"
#include "server/connection_guard.h"
#include "server/decision_id.h"
#include "server/engine_pool.h"
#include "server/gateway_endpoints.h"
#include "server/gateway_pipeline.h"
#include "server/guard_office.h"
#include "server/http_settings.h"
#include "server/journal_keeper.h"
#include "server/learned_state.h"
#include "server/log_in_providers.h"
#include "server/process_signals.h"
#include "server/run_files.h"
#include "server/sandbox_jobs.h"
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
  if (is_encrypted) {
    headers.push_back({"Strict-Transport-Security", "max-age=31536000; includeSubDomains"});
  }
  return headers;
}

Result<guard::StrangersPay> ReadStrangersPay(const GatewayConfig& config) {
  if (config.strangers_pay == "never") return guard::StrangersPay::kNever;
  if (config.strangers_pay == "busy") return guard::StrangersPay::kWhenShort;
  if (config.strangers_pay == "always") return guard::StrangersPay::kAlways;
  return Fail(ErrorCode::kInvalidArgument, "gateway.strangers_pay is never, busy or always");
}

// In fewer tokens the page would take an answer for one that found no room in the context.
Result<std::uint32_t> ReadShortAnswerTokens(const GatewayConfig& config) {
  constexpr std::int64_t kTokensMin = 64;
  const std::int64_t tokens = config.sheds ? config.short_answer_tokens : 0;
  if (tokens == 0 || tokens >= kTokensMin) return static_cast<std::uint32_t>(tokens);
  return Fail(ErrorCode::kInvalidArgument,
              "gateway.short_answer_tokens is {}, not 0 or at least {}", tokens, kTokensMin);
}

// As many accounts can be made as half of the time for passwords allows, so that those who log in
// have the other half.
guard::RegistrationOptions MakeRegistrationOptions(const guard::PasswordGateOptions& passwords,
                                                   bool has_mail) {
  guard::RegistrationOptions options;
  const double checks_per_s = static_cast<double>(passwords.checks_max) / passwords.check_s;
  options.capacity.rate = std::min(options.capacity.rate, checks_per_s / 2);
  options.capacity.burst = std::min(options.capacity.burst, 10 * options.capacity.rate);
  options.has_mail = has_mail;
  return options;
}

// What an address may do at once grows with what it may do in the long run.
guard::RateLimit AtRate(const guard::RateLimit& limit, std::int64_t rate) {
  const auto per_second = static_cast<double>(rate);
  return {.rate = per_second, .burst = limit.burst * per_second / limit.rate};
}

// As far as the service's own settings say; the rest is learned.
Result<guard::DoorOptions> MakeDoorOptions(const Config& all, std::uint64_t seed) {
  const GatewayConfig& config = all.gateway;
  guard::DoorOptions options;
  TRY_ASSIGN(options.strangers_pay, ReadStrangersPay(config));
  options.limits = guard::ServiceLimits();
  options.limits.connections =
      AtRate(options.limits.connections, all.guard.connections_per_second);
  options.limits.handshakes = AtRate(options.limits.handshakes, all.guard.handshakes_per_second);
  options.enforces_likeness = false;  // Until it is measured (likeness_keeper.h).
  options.limits.restrictions.last_id = LastDecisionBefore(WallClockMs());
  options.seed = seed;
  guard::AdmissionOptions& admission = options.admission;
  admission.in_flight_max = static_cast<std::uint32_t>(config.concurrency_max);
  admission.in_flight_initial =
      std::min(static_cast<std::uint32_t>(config.concurrency_initial), admission.in_flight_max);
  admission.queue_max = static_cast<std::size_t>(config.waiting_max);
  admission.per_client_max = static_cast<std::uint32_t>(config.concurrency_per_client_max);
  admission.has_ladder = config.sheds;
  TRY_ASSIGN(admission.short_answer_tokens, ReadShortAnswerTokens(config));
  admission.ladder = guard::Ladder::WithoutBatch(admission.short_answer_tokens > 0);
  admission.wait_max = std::chrono::seconds(config.waiting_seconds_max);
  options.passwords.checks_max = std::max(1U, std::thread::hardware_concurrency());
  options.passwords.check_s = static_cast<double>(all.accounts.password_ms) / 1e3;
  options.registration = MakeRegistrationOptions(options.passwords, !all.accounts.smtp_url.empty());
  return options;
}

// A connection may need another one to an engine; some are for files, sockets and the log.
void RaiseFileLimits(const GatewayConfig& config) {
  constexpr std::int64_t kOthers = 64;
  const std::int64_t wanted =
      config.connections_max + std::min(config.connections_max, config.concurrency_max) + kOthers;
  const Result<std::size_t> limit = net::RaiseFileLimit(static_cast<std::size_t>(wanted));
  if (limit) return;
  log::warn("gateway.connections_max = {}: {}; connections beyond that are refused",
            config.connections_max, limit.error().message);
}

// An eighth of the places is kept for what does not take long: the page, its files, the health.
net::ConnectionLimits MakeConnectionLimits(const GatewayConfig& config) {
  net::ConnectionLimits limits;
  limits.total_max = static_cast<std::size_t>(config.connections_max);
  limits.per_address_max = static_cast<std::size_t>(config.connections_per_client_max);
  limits.long_answers_max = std::max<std::size_t>(limits.total_max - limits.total_max / 8, 1);
  return limits;
}

// With a reserve as large as the largest body or file, so that one always comes to its end.
std::shared_ptr<net::ByteBudget> MakeBodyBudget(const Config& config) {
  const auto mib = [](std::int64_t count) { return static_cast<std::size_t>(count) << 20; };
  const std::size_t reserve =
      mib(std::max(config.http.body_mib_max, config.gateway.import_mib_max));
  return net::ByteBudget::Make(
      {.bytes_max = std::max(mib(config.gateway.body_memory_mib), 2 * reserve),
       .reserve_bytes = reserve});
}

api::BodySizes MakeBodySizes(const Config& config) {
  return {.body_bytes_max = MakeBodyLimits(config.http).bytes_max,
          .import_bytes_max = static_cast<std::size_t>(config.gateway.import_mib_max) << 20};
}

Result<std::vector<net::Network>> ReadNetworks(const std::vector<std::string>& texts) {
  std::vector<net::Network> networks;
  for (const std::string& text : texts) {
    TRY_ASSIGN(const net::Network network, net::Network::Parse(text));
    networks.push_back(network);
  }
  return networks;
}

Result<std::unique_ptr<const net::TlsContext>> MakeTls(const GatewayConfig& config) {
  if (config.tls_certificate.empty()) return nullptr;
  return net::TlsContext::Open(config.tls_certificate, config.tls_key);
}

// On no address that another machine could reach.
Result<bool> ListensLocally(const net::Endpoint& endpoint) {
  if (endpoint.IsUnix()) return true;
  TRY_ASSIGN(const std::vector<net::Endpoint> addresses, net::ResolveToListen(endpoint));
  return std::ranges::all_of(addresses, [](const net::Endpoint& one) {
    const std::optional<net::Address> address = net::Address::Parse(one.host);
    return address && address->is_loopback();
  });
}

Result<GatewayRules> MakeRules(const Config& config, bool is_encrypted,
                               const net::Endpoint& endpoint) {
  GatewayRules rules;
  rules.body = MakeBodyLimits(config.http);
  rules.answer_time_max = std::chrono::seconds(config.engine.answer_seconds_max);
  TRY_ASSIGN(rules.trusted_proxies, ReadNetworks(config.gateway.trusted_proxies));
  for (const std::string& name : config.gateway.allowed_hosts) TRY(http::CheckHostPattern(name));
  rules.hosts.names = config.gateway.allowed_hosts;
  TRY_ASSIGN(const bool is_local, ListensLocally(endpoint));
  rules.hosts.allows_literals = !is_local;
  for (const std::string& origin : config.gateway.cors_origins) TRY(http::CheckOrigin(origin));
  rules.cors.origins = config.gateway.cors_origins;
  rules.this_machine.is_on =
      config.accounts.public_url.empty() && config.gateway.trusted_proxies.empty();
  rules.headers = SecurityHeaders(is_encrypted);
  return rules;
}

// Says in the log when an engine comes or goes.
std::function<void(bool is_up)> EngineNews(const upstream::Pool& pool, std::size_t engine,
                                           const std::string& url) {
  std::string name = "the engine";
  if (pool.engine_count() > 1) name += " " + pool.Status()[engine].name;
  return [name, url](bool is_up) {
    if (is_up) log::info("{} is up: open {} in a browser", name, url);
    if (!is_up) log::warn("{} is down", name);
  };
}

std::string UrlOf(const net::Endpoint& listening, bool is_encrypted) {
  return fmt::format("{}://{}/", is_encrypted ? "https" : "http", listening.ToString());
}

void WatchEngines(net::IoThreads& threads, upstream::Pool& pool, const std::string& url) {
  log::info("listening on {}, engines: {}", url, pool.engine_count());
  for (std::size_t i = 0; i < pool.engine_count(); ++i) {
    threads.Spawn(0, pool.Watch(i, EngineNews(pool, i, url)));
  }
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

// For the one kind of file that is uploaded so far.
Result<std::unique_ptr<sandbox::Sandbox>> OpenSandbox() {
  return sandbox::Sandbox::Open(kSandboxJobs, {.children_max = api::Importing::kChildrenMax});
}

http::ServerOptions MakeGatewayOptions(const Config& config, const net::TlsContext* tls,
                                       const GatewayRules& rules) {
  http::ServerOptions options =
      MakeServerOptions(config.http, MakeConnectionLimits(config.gateway));
  options.tls = tls;
  options.trusted_proxies = rules.trusted_proxies;
  options.bodies = MakeBodyBudget(config);
  return options;
}

conversations::DataKeys KeysOf(AccountOffice& office) {
  return [&ring = office.ring()](std::string_view account_id) { return ring.Find(account_id); };
}

// What is an account's own goes with it.
Result<void> OpenConversations(AccountOffice& office, api::ConversationService& conversations) {
  TRY(conversations.Open());
  office.accounts().OnLeave([&conversations](std::string_view account_id) {
    const Result<void> forgotten = conversations.temporary.DeleteAccount(account_id);
    return forgotten ? conversations.history.DeleteAccount(account_id) : forgotten;
  });
  return {};
}

// What the guard does to registrations is told to the log and to the audit log.
LiveDoor::RegistrationNews RegistrationNews(net::IoThreads& threads, AccountOffice& office) {
  return [&threads, &office](guard::SignUpRung from, const api::GuardRegistration& now) {
    log::warn("registrations go from {} to {}: {:.1f} sign-ups a second, {:.1f} are usual",
              guard::SignUpRungWord(from), guard::SignUpRungWord(now.rung), now.rate, now.baseline);
    threads.Spawn(0, office.RecordRegistration(from, now.rung));
  };
}

api::AccountDesk DeskOf(AccountOffice& office, LiveDoor& door) {
  return office.desk([&door] { return door.registration(); });
}

// Answers that nobody reads go on while the others drain, and are kept as far as they came.
net::Awaitable<void> EndAnswersBefore(api::AnswerHub& hub, net::TimePoint deadline) {
  constexpr std::chrono::milliseconds kToStore{500};
  net::Event never(co_await net::CurrentExecutor());
  co_await never.Wait(deadline - kToStore);
  hub.StopAll();
}

// Nobody comes in any more, and who is in has so long to end. Returns how many were cut short.
std::size_t Drain(http::Server& server, LiveDoor& door, api::ConversationService& conversations,
                  net::IoThreads& threads, std::chrono::seconds time_max) {
  log::info("draining, at most {} s", time_max.count());
  door.Drain();
  threads.Spawn(0, EndAnswersBefore(conversations.hub, net::Clock::now() + time_max));
  const std::size_t cut = server.Drain(time_max);
  conversations.importing.Stop();
  return cut;
}

}  // namespace

Result<void> RunGateway(const Config& config) {
  TRY_ASSIGN(KernelHelper kernel, StartKernelHelper(config));
  ProcessSignals signals;
  metrics::Registry registry;
  TRY_ASSIGN(const std::unique_ptr<const net::TlsContext> tls, MakeTls(config.gateway));
  TRY_ASSIGN(WebFiles web_files, LoadWebFiles(config.gateway.web_dir));
  const http::StaticFiles web(std::move(web_files.files));
  TRY_ASSIGN(const net::Endpoint endpoint, net::ParseEndpoint(config.gateway.listen));
  TRY_ASSIGN(GatewayRules rules, MakeRules(config, tls != nullptr, endpoint));
  TRY_ASSIGN(const std::filesystem::path state_dir, MakeStateDir(config.up));
  TRY_ASSIGN(const crypto::HashKey key, crypto::LoadOrMakeKey(state_dir / "caller.key"));
  const CallerHasher hasher(key);
  TRY_ASSIGN(const AnonymousUse anonymous, ReadAnonymousUse(config.accounts));
  TRY_ASSIGN(const std::unique_ptr<AccountOffice> office,
             AccountOffice::Open(config, state_dir, key));
  TRY_ASSIGN(const std::unique_ptr<api::ProviderDesk> providers,
             OpenProviders(config, rules.hosts.allows_literals || !rules.trusted_proxies.empty()));
  const Authenticator authenticator(office->accounts(), office->pool(), anonymous);

  TRY_ASSIGN(std::vector<upstream::EngineSpec> specs, EngineSpecs(config));
  TRY_ASSIGN(const std::unique_ptr<upstream::Pool> pool,
             upstream::Pool::Make(std::move(specs), MakePoolLimits(config), registry));
  const DoorClock clock;
  const auto journal = JournalKeeper::Open(config.journal, state_dir / "journal", clock, registry);
  const LearnedStateFile learned(state_dir / "learned.state", key.Hash("learned state"));
  TRY_ASSIGN(const guard::DoorOptions door_options, MakeDoorOptions(config, key.Hash("door")));
  LiveDoor door(
      MakeDoor(door_options, learned, clock), [&pool] { return ToEngineReport(pool->Report()); },
      registry, journal.get(), clock, config.guard.contact);
  TRY_ASSIGN(const std::unique_ptr<GuardOffice> guard,
             GuardOffice::Open(config, state_dir, key, *office, door, kernel, registry));

  TRY_ASSIGN(const std::unique_ptr<sandbox::Sandbox> sandbox, OpenSandbox());
  api::ConversationService conversations(office->database(), KeysOf(*office), WallClockMs,
                                         office->pool(), *pool, *sandbox,
                                         {.answer_time_max = rules.answer_time_max});
  TRY(OpenConversations(*office, conversations));

  std::string document;
  const EndpointTable table(GatewayEndpoints(*pool, door, DeskOf(*office, door), guard->desk(),
                                             *providers, conversations, web, registry,
                                             MakeBodySizes(config), document));
  Settlement settlement(table.endpoints(), registry);
  http::ServerOptions server_options = MakeGatewayOptions(config, tls.get(), rules);
  GatewayPipeline pipeline(table, door, hasher, settlement, office.get(), &authenticator,
                           std::move(rules), &guard->book());
  RaiseFileLimits(config.gateway);
  net::IoThreads threads(static_cast<std::size_t>(config.gateway.io_threads));
  door.OnRegistration(RegistrationNews(threads, *office));
  PutGuardAt(server_options, door, hasher, settlement, guard->book());
  http::Server server(
      threads, std::move(server_options),
      [&](http::Exchange& exchange) { return pipeline.Serve(exchange); },
      [&](http::Exchange& exchange, const http::Refusal& refusal) {
        return pipeline.Refuse(exchange, refusal);
      });
  TRY_ASSIGN(const net::Endpoint listening, ListenEverywhere(server, endpoint));
  const std::string url = UrlOf(listening, tls != nullptr);
  WatchEngines(threads, *pool, url);
  threads.Spawn(0, door.Run());
  const LearnedStateKeeper keeper(learned, [&door] { return door.SaveLearned(); });

  signals.Wait();
  const std::size_t cut = Drain(server, door, conversations, threads,
                                std::chrono::seconds(config.up.drain_seconds_max));
  office->Stop();
  threads.Stop();
  log::info("stopped, {} answers cut short", cut);
  return {};
}

}  // namespace holdfast::server
