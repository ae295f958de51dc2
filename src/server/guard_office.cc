#include "server/guard_office.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "net/endpoint.h"
#include "push_down/rights.h"
#include "server/console.h"
#include "server/guard_console.h"

namespace holdfast::server {
namespace {

Result<std::vector<net::Network>> ReadProxies(const GatewayConfig& config) {
  std::vector<net::Network> proxies;
  for (const std::string& text : config.trusted_proxies) {
    TRY_ASSIGN(const net::Network proxy, net::Network::Parse(text));
    proxies.push_back(proxy);
  }
  return proxies;
}

}  // namespace

Result<KernelHelper> StartKernelHelper(const Config& config) {
  if (config.guard.push_down == "off") return KernelHelper{{}, "It is switched off."};
  if (config.guard.push_down != "auto") {
    return Fail(ErrorCode::kInvalidArgument, "guard.push_down is auto or off");
  }
  TRY_ASSIGN(const net::Endpoint endpoint, net::ParseEndpoint(config.gateway.listen));
  push_down::HelperOptions options{.port = endpoint.port, .never = {}};
  TRY_ASSIGN(const std::vector<net::Network> proxies, ReadProxies(config.gateway));
  for (const net::Network& proxy : proxies) {
    options.never.push_back({proxy.base.bytes(), proxy.prefix_bits});
  }
  Result<push_down::Helper> helper = push_down::Helper::Start(options);
  push_down::DropNetAdmin();
  if (helper) {
    log::info("the kernel drops addresses that heed no refusal");
    return KernelHelper{std::move(*helper), ""};
  }
  log::info("the kernel is not told of addresses that heed no refusal: {}", helper.error().message);
  return KernelHelper{{}, fmt::format("The kernel is not told: {}.", helper.error().message)};
}

GuardOffice::GuardOffice(LiveDoor& door, KernelHelper& helper,
                         std::vector<net::Network> trusted_proxies, metrics::Registry& registry)
    : door_(door),
      book_(std::move(trusted_proxies)),
      kernel_(helper.helper ? &*helper.helper : nullptr, helper.why, book_, door, registry) {}

Result<std::unique_ptr<GuardOffice>> GuardOffice::Open(
    const Config& config, const std::filesystem::path& state_dir, const crypto::HashKey& key,
    AccountOffice& accounts, LiveDoor& door, KernelHelper& helper, metrics::Registry& registry) {
  TRY_ASSIGN(const LikenessMode mode, ReadLikenessMode(config.guard.likeness));
  TRY_ASSIGN(std::vector<net::Network> proxies, ReadProxies(config.gateway));
  std::unique_ptr<GuardOffice> office(new GuardOffice(door, helper, std::move(proxies), registry));
  GuardOffice& self = *office;
  const WriteDown write_down = [&accounts](const audit::Event& event) {
    return accounts.accounts().Record(event.kind, event.actor, event.subject, event.fields);
  };
  office->decisions_ = std::make_unique<DecisionDesk>(
      door, write_down, key,
      [&self](const guard::RestrictionRecord& record) { self.kernel_.OnRecord(record); });
  office->likeness_ = std::make_unique<LikenessKeeper>(door, write_down, mode,
                                                       state_dir / "likeness.trial", registry);
  office->desk_ = {
      .state = [&self] { return self.State(); },
      .list = [&self](std::string_view cursor,
                      bool has_ended) { return self.decisions_->List(cursor, has_ended); },
      .find = [&self](std::string_view id) { return self.decisions_->Find(id); },
      .undo = [&self](std::string_view id,
                      std::string_view actor) { return self.decisions_->Undo(id, actor); }};
  office->clerk_ = std::make_unique<GuardClerk>([&self] {
    self.decisions_->Hear();
    self.kernel_.Expire();
    self.likeness_->Look(WallClockMs());
  });
  office->OpenConsole(state_dir, accounts);
  return office;
}

void GuardOffice::Stop() {
  console_.reset();
  if (clerk_ == nullptr) return;
  clerk_.reset();
  likeness_->Save();
}

// Without it all else works.
void GuardOffice::OpenConsole(const std::filesystem::path& state_dir, AccountOffice& accounts) {
  const ConsoleTools tools = accounts.console_tools(state_dir);
  const GuardConsole guard{*decisions_, *likeness_};
  auto console = ControlSocket::Listen(state_dir, [tools, guard](const json::Object& question) {
    const Result<std::string> act = json::RequireString(question, "act");
    const bool is_guards = act && act->starts_with(kGuardAct);
    return is_guards ? DoAtGuardConsole(guard, question) : DoAtConsole(tools, question);
  });
  if (!console) {
    log::warn("console verbs that need the service will not work: {}", console.error().message);
    return;
  }
  console_ = std::move(*console);
}

json::Object GuardOffice::State() {
  const guard::DoorCounters counters = door_.counters();
  const api::GuardRegistration registration = door_.registration();
  return {{"rung", static_cast<int>(counters.rung)},
          {"level", guard::RungWord(counters.rung)},
          {"pressure", counters.admission.pressure},
          {"is_short", counters.is_short},
          {"running", counters.admission.in_flight},
          {"waiting", counters.admission.waiting},
          {"restrictions", counters.restrictions},
          {"registration",
           {{"is_restricted", registration.is_restricted()},
            {"since", registration.is_restricted() ? json::Value(registration.since) : nullptr},
            {"challenge_bits", registration.challenge_bits}}},
          {"likeness", likeness_->Report()},
          {"push_down", kernel_.State()}};
}

}  // namespace holdfast::server
