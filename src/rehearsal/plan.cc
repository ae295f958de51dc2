#include "rehearsal/plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "http/url.h"
#include "json/unique_keys.h"
#include "net/address.h"
#include "rehearsal/process.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kPlanBytesMax = 1 << 20;
constexpr double kDurationMax = static_cast<double>(kSecondsMax);

constexpr std::array<std::string_view, kGroupKindCount> kKindWords = {
    "people",     "programs", "naive",    "crowd_page", "crowd_api",        "steady",
    "flood",      "long",     "abandon",  "slow_head",  "slow_body",        "slow_read",
    "handshakes", "stuffing", "sign_ups", "mimic",      "one_account_many", "stop",
    "kill",       "slow",     "fill_disk"};
constexpr std::array<std::string_view, kLabelCount> kLabelWords = {"honest", "hostile", "fault"};

template <std::size_t kCount>
std::optional<int> IndexOf(const std::array<std::string_view, kCount>& words,
                           std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<int>(found - words.begin());
}

// Reads the members of one object, and knows at the end which one nobody asked for.
class Fields {
 public:
  Fields(const json::Object& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  template <std::integral T>
  Fields& Int(std::string_view key, T& to, std::int64_t min, std::int64_t max) {
    return Take(key, [&]() -> Result<void> {
      TRY_ASSIGN(const std::int64_t value,
                 json::IntOr(object_, key, static_cast<std::int64_t>(to), min, max));
      to = static_cast<T>(value);
      return {};
    });
  }
  Fields& Number(std::string_view key, double& to, double min, double max) {
    return Take(key, [&]() -> Result<void> {
      TRY_ASSIGN(to, json::NumberOr(object_, key, to));
      if (to >= min && to <= max) return {};
      return Fail(ErrorCode::kInvalidArgument, "'{}' is {}, outside {}..{}", key, to, min, max);
    });
  }
  Fields& Bool(std::string_view key, bool& to) {
    return Take(key, [&]() -> Result<void> {
      TRY_ASSIGN(to, json::BoolOr(object_, key, to));
      return {};
    });
  }
  Fields& Text(std::string_view key, std::string& to) {
    return Take(key, [&]() -> Result<void> {
      TRY_ASSIGN(to, json::StringOr(object_, key, to));
      return {};
    });
  }
  // A member that is read elsewhere.
  Fields& Other(std::string_view key) {
    return Take(key, []() -> Result<void> { return {}; });
  }
  Fields& Take(std::string_view key, const std::function<Result<void>()>& read) {
    known_.push_back(key);
    if (error_) return *this;
    if (const Result<void> done = read(); !done) error_ = done.error();
    return *this;
  }

  Result<void> Done() const {
    if (error_) return Fail(error_->code, "{}: {}", where_, error_->message);
    for (const auto& member : object_) {
      if (std::ranges::find(known_, std::string_view(member.key())) == known_.end()) {
        return Fail(ErrorCode::kInvalidArgument, "{}: there is no field '{}'", where_,
                    std::string_view(member.key()));
      }
    }
    return {};
  }

 private:
  const json::Object& object_;
  const std::string where_;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

// What a kind is where the plan does not say otherwise.
Group DefaultsOf(GroupKind kind) {
  Group group;
  group.kind = kind;
  if (kind >= GroupKind::kFlood) group.label = Label::kHostile;
  switch (kind) {
    case GroupKind::kCrowdPage:
      group.turns = 2.5;
      group.addresses = 1'000;
      break;
    case GroupKind::kCrowdApi:
      group.addresses = 1'000;
      break;
    case GroupKind::kFlood:
      group.addresses = 10'000;
      break;
    case GroupKind::kLong:
      group.prompt_tokens = 8'000;
      group.prompt_sigma = 0;
      group.output_tokens = 4'096;
      break;
    case GroupKind::kOneAccountMany:
      group.clients = 1;
      group.connections = 1'000;
      group.pause_s = 0.1;
      break;
    case GroupKind::kStop:
    case GroupKind::kKill:
    case GroupKind::kSlow:
    case GroupKind::kFillDisk:
      group.label = Label::kFault;
      break;
    default:
      break;
  }
  return group;
}

bool IsFault(GroupKind kind) { return kind >= GroupKind::kStop; }

Result<void> CheckGroup(const Group& group, const Plan& plan) {
  if (group.end_s <= group.start_s && group.kind != GroupKind::kKill) {
    return Fail(ErrorCode::kInvalidArgument, "'end' is not after 'start'");
  }
  if (group.end_s > plan.seconds) {
    return Fail(ErrorCode::kInvalidArgument, "'end' is after the plan's 'seconds'");
  }
  if (group.kind == GroupKind::kFillDisk && group.folder.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'folder' must be named");
  }
  if (IsFault(group.kind)) return {};
  if (AsksWithoutEnd(group.kind)) {
    if (group.clients > 0) return {};
    return Fail(ErrorCode::kInvalidArgument, "'clients' must be 1 or more for a {}",
                GroupKindWord(group.kind));
  }
  if (group.rate <= 0) return Fail(ErrorCode::kInvalidArgument, "'rate' must be above 0");
  return {};
}

void ReadGroupFields(Fields& fields, Group& group) {
  fields.Other("kind").Other("label").Text("name", group.name);
  fields.Number("start", group.start_s, 0, kDurationMax)
      .Number("end", group.end_s, 0, kDurationMax)
      .Number("rise", group.rise_s, 0, kDurationMax)
      .Number("rate", group.rate, 0, kRateMax)
      .Text("trace", group.trace)
      .Number("peak", group.peak, 1, 1e6)
      .Int("network", group.network, 1, 255)
      .Int("addresses", group.addresses, 1, kAddressesMax)
      .Int("clients", group.clients, 0, kClientsMax)
      .Int("connections", group.connections, 1, kConnectionsMax)
      .Number("pause", group.pause_s, 0, kDurationMax);
  fields.Int("prompt_tokens", group.prompt_tokens, 1, kPromptTokensMax)
      .Number("prompt_sigma", group.prompt_sigma, 0, 3)
      .Int("output_tokens", group.output_tokens, 1, kOutputTokensMax)
      .Number("output_sigma", group.output_sigma, 0, 3)
      .Int("max_tokens", group.max_tokens, 0, kOutputTokensMax)
      .Bool("alike", group.is_alike)
      .Bool("stream", group.is_streamed);
  fields.Number("keyed_share", group.keyed_share, 0, 1)
      .Int("key_first", group.key_first, 0, kClientsMax)
      .Number("turns", group.turns, 1, 1'000)
      .Number("think", group.think_s, 0, kDurationMax)
      .Number("patience", group.patience_s, 0, kDurationMax)
      .Number("returns", group.returns, 0, 1)
      .Int("leave_tokens", group.leave_tokens, 1, kOutputTokensMax)
      .Number("hold", group.hold_s, 0, kDurationMax)
      .Number("interval", group.interval_s, 0.001, kDurationMax)
      .Bool("asks_after", group.asks_after)
      .Text("process", group.process)
      .Number("run_share", group.run_share, 0.01, 1)
      .Text("folder", group.folder);
}

Result<Group> ParseGroup(const json::Value& value, std::size_t index, const Plan& plan) {
  const std::string where = fmt::format("groups[{}]", index);
  if (!value.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: must be an object", where);
  }
  const json::Object& object = value.get_object();
  const Result<std::string> word = json::RequireString(object, "kind");
  if (!word) return Fail(word.error().code, "{}: {}", where, word.error().message);
  const std::optional<int> kind = IndexOf(kKindWords, *word);
  if (!kind) return Fail(ErrorCode::kInvalidArgument, "{}: no kind '{}'", where, *word);
  Group group = DefaultsOf(static_cast<GroupKind>(*kind));
  group.name = fmt::format("{}_{}", *word, index);
  group.end_s = plan.seconds;
  group.network = static_cast<int>(16 + index);
  std::string label(LabelWord(group.label));
  Fields fields(object, where);
  fields.Text("label", label);
  ReadGroupFields(fields, group);
  TRY(fields.Done());
  const std::optional<int> known = IndexOf(kLabelWords, label);
  if (!known) return Fail(ErrorCode::kInvalidArgument, "{}: no label '{}'", where, label);
  group.label = static_cast<Label>(*known);
  if (const Result<void> checked = CheckGroup(group, plan); !checked) {
    return Fail(checked.error().code, "{}: {}", where, checked.error().message);
  }
  return group;
}

Result<void> ParsePhases(const json::Object& object, Plan& plan) {
  if (json::Find(object, "phases") == nullptr) {
    plan.phases.push_back({"all", 0, plan.seconds});
    return {};
  }
  TRY_ASSIGN(const json::Array* const array, json::RequireArray(object, "phases", kPhasesMax));
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string where = fmt::format("phases[{}]", i);
    const json::Value& value = (*array)[i];
    if (!value.is_object()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: must be an object", where);
    }
    Phase phase;
    Fields fields(value.get_object(), where);
    fields.Text("name", phase.name)
        .Number("start", phase.start_s, 0, kDurationMax)
        .Number("end", phase.end_s, 0, kDurationMax);
    TRY(fields.Done());
    if (phase.end_s <= phase.start_s) {
      return Fail(ErrorCode::kInvalidArgument, "{}: 'end' is not after 'start'", where);
    }
    plan.phases.push_back(std::move(phase));
  }
  return {};
}

Result<void> ParseProcesses(const json::Object& object, Plan& plan, const PlanChanges& changes) {
  if (json::Find(object, "processes") != nullptr) {
    TRY_ASSIGN(const json::Object* const processes, json::RequireObject(object, "processes"));
    for (const auto& member : *processes) {
      TRY_ASSIGN(const std::int64_t pid, json::IntOr(*processes, member.key(), 0, 0, 1 << 30));
      plan.processes[member.key()] = static_cast<pid_t>(pid);
    }
  }
  for (const auto& [name, pid] : changes.processes) plan.processes[name] = pid;
  if (plan.processes.size() > kProcessesMax) {
    return Fail(ErrorCode::kTooLarge, "'processes' has {}, over the limit of {}",
                plan.processes.size(), kProcessesMax);
  }
  return {};
}

Result<void> ParseSlo(const json::Object& object, ServiceLevel& slo) {
  if (json::Find(object, "slo") == nullptr) return {};
  TRY_ASSIGN(const json::Object* const levels, json::RequireObject(object, "slo"));
  Fields fields(*levels, "slo");
  fields.Number("first_token_ms", slo.first_token_ms, 1, 1e7)
      .Number("token_interval_ms", slo.token_interval_ms, 1, 1e7);
  return fields.Done();
}

Result<void> ParseGroups(const json::Object& object, Plan& plan, double rate_times) {
  TRY_ASSIGN(const json::Array* const groups, json::RequireArray(object, "groups", kGroupsMax));
  for (std::size_t i = 0; i < groups->size(); ++i) {
    TRY_ASSIGN(Group group, ParseGroup((*groups)[i], i, plan));
    group.rate = std::min(group.rate * rate_times, kRateMax);
    plan.groups.push_back(std::move(group));
  }
  return {};
}

Result<Plan> ParseWhole(std::string_view text, const PlanChanges& changes) {
  TRY_ASSIGN(const json::Value value,
             json::ParseUnique(text, {.text_bytes_max = kPlanBytesMax, .depth_max = 8}));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "plan: must be an object");
  const json::Object& object = value.get_object();
  Plan plan;
  plan.text = text;
  std::string target = "http://127.0.0.1:8080";
  Fields fields(object, "plan");
  fields.Text("name", plan.name).Text("target", target).Text("model", plan.model);
  fields.Number("seconds", plan.seconds, 1, kDurationMax)
      .Number("drain", plan.drain_s, 0, 600)
      .Int("seed", plan.seed, 0, INT64_MAX)
      .Int("requests_max", plan.requests_max, 1, kRequestsMax)
      .Int("connections_max", plan.connections_max, 1, kConnectionsMax)
      .Text("accounts", plan.accounts)
      .Bool("through_proxy", plan.is_through_proxy);
  fields.Other("comment").Other("slo").Other("processes").Other("phases").Other("groups");
  TRY(fields.Done());
  TRY_ASSIGN(plan.target, ParseTarget(changes.target.empty() ? target : changes.target));
  if (!changes.accounts.empty()) plan.accounts = changes.accounts;
  if (!changes.model.empty()) plan.model = changes.model;
  if (changes.is_through_proxy) plan.is_through_proxy = true;
  TRY(ParseSlo(object, plan.slo));
  TRY(ParseProcesses(object, plan, changes));
  TRY(ParsePhases(object, plan));
  TRY(ParseGroups(object, plan, changes.rate_times));
  return plan;
}

}  // namespace

std::string_view GroupKindWord(GroupKind kind) { return kKindWords[static_cast<int>(kind)]; }
std::string_view LabelWord(Label label) { return kLabelWords[static_cast<int>(label)]; }

Result<net::Endpoint> ParseTarget(std::string_view text) {
  TRY_ASSIGN(http::Url url, http::ParseUrl(text));
  if (url.is_https || url.target != "/") {
    return Fail(ErrorCode::kInvalidArgument, "target: must be http://127.0.0.1:PORT");
  }
  if (url.endpoint.host == "localhost") url.endpoint.host = "127.0.0.1";
  const std::optional<net::Address> address = net::Address::Parse(url.endpoint.host);
  if (!address || !address->is_v4() || !address->is_loopback()) {
    return Fail(ErrorCode::kPermissionDenied,
                "target: '{}' is not of 127.0.0.0/8; a rehearsal is for one's own machine only",
                url.endpoint.host);
  }
  return std::move(url.endpoint);
}

Result<Plan> ParseOldPlan(std::string_view text) { return ParseWhole(text, {}); }

Result<Plan> ParsePlan(std::string_view text, const PlanChanges& changes) {
  TRY_ASSIGN(Plan plan, ParseWhole(text, changes));
  for (const Group& group : plan.groups) {
    if (!IsFault(group.kind) || group.kind == GroupKind::kFillDisk) continue;
    const auto found = plan.processes.find(group.process);
    if (found != plan.processes.end() && found->second != 0) continue;
    return Fail(ErrorCode::kInvalidArgument, "{}: its 'process' is '{}': say --process {}=PID",
                group.name, group.process, group.process);
  }
  // The others are only watched, and need not be.
  std::erase_if(plan.processes, [](const auto& process) { return process.second == 0; });
  for (const auto& [name, pid] : plan.processes) TRY(CheckOurs(name, pid));
  return plan;
}
Result<Plan> ReadPlan(const std::filesystem::path& path, const PlanChanges& changes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrnoError(path.string()));
  std::string text(kPlanBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  Result<Plan> plan = ParsePlan(text, changes);
  if (!plan) return Fail(plan.error().code, "{}: {}", path.string(), plan.error().message);
  const auto resolve = [&](std::string& name) {
    if (!name.empty()) name = (path.parent_path() / name).string();
  };
  if (changes.accounts.empty()) resolve(plan->accounts);
  for (Group& group : plan->groups) {
    resolve(group.trace);
    resolve(group.folder);
  }
  return plan;
}

}  // namespace holdfast::rehearsal
