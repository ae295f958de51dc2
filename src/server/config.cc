#include "server/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include <toml++/toml.h>
#include <unistd.h>

#include "base/log.h"

namespace holdfast::server {
namespace {

using Target = std::variant<std::string*, std::int64_t*, bool*>;

struct Key {
  std::string_view section;
  std::string_view name;
  Target (*target)(Config&);
  std::int64_t min;
  std::int64_t max;
  std::string_view help;
};

#define KEY(section, name, min, max, help)                                                         \
  Key {                                                                                            \
    #section, #name, [](Config& config) -> Target { return &config.section.name; }, min, max, help \
  }

constexpr std::int64_t kThreadsMax = 1024;
constexpr std::int64_t kDayS = 86'400;

// Every setting. The order is that of the example file.
const Key kKeys[] = {
    KEY(model, path, 0, 0, "A GGUF file or a Hugging Face directory. Empty: models/starter."),
    KEY(model, name, 0, 0, "The model's id in the API. Empty: the file's name."),
    KEY(engine, listen, 0, 0,
        "Where the engine listens: unix:PATH or HOST:PORT. Empty: a Unix socket in up.run_dir."),
    KEY(engine, threads, 0, kThreadsMax, "Threads that compute. 0: one a CPU."),
    KEY(engine, io_threads, 1, kThreadsMax, "Threads that read and write sockets."),
    KEY(engine, queue_max, 1, 1 << 20, "Requests that may wait for a place in the batch."),
    KEY(engine, running_max, 1, 1 << 16, "Answers made at once."),
    KEY(engine, step_tokens_max, 1, 1 << 20,
        "Tokens computed in one step; prompts are cut to fit."),
    KEY(engine, step_target_ms, 0, 1 << 20,
        "Time of a step while answers are written; prompts get what is left. 0: no aim."),
    KEY(engine, cache_mib, 1, 1LL << 30, "Memory for the latents of running and remembered text."),
    KEY(engine, context_max, 0, 1LL << 30,
        "Tokens of prompt and answer. 0: what the model allows."),
    KEY(engine, answer_tokens_max, 1, 1LL << 20, "Tokens in one answer."),
    KEY(engine, answer_seconds_max, 1, kDayS, "Time for one answer, waiting included."),
    KEY(engine, deterministic, 0, 0,
        "Bit-identical answers however prompts are cut into steps. Slower."),
    KEY(gateway, listen, 0, 0, "Where browsers and API clients connect."),
    KEY(gateway, engine, 0, 0, "Where the engine is. Empty: engine.listen."),
    KEY(gateway, io_threads, 1, kThreadsMax, "Threads that read and write sockets."),
    KEY(gateway, tls_certificate, 0, 0, "PEM file with the certificate chain. Empty: plain HTTP."),
    KEY(gateway, tls_key, 0, 0, "PEM file with the private key."),
    KEY(gateway, web_dir, 0, 0, "Serve the page from this folder. Empty: the one in the binary."),
    KEY(gateway, connections_max, 1, 1 << 20, "Open connections in all."),
    KEY(gateway, connections_per_client_max, 1, 1 << 20, "Open connections of one address."),
    KEY(gateway, concurrency_max, 1, 1 << 20, "Answers under way in all; more wait."),
    KEY(gateway, concurrency_per_client_max, 1, 1 << 20,
        "Answers under way or waiting of one address; more are refused."),
    KEY(gateway, waiting_max, 0, 1 << 20, "Requests that may wait; more are refused."),
    KEY(gateway, waiting_seconds_max, 0, kDayS, "How long one may wait before it is refused."),
    KEY(http, head_bytes_max, 1024, 1 << 20, "Bytes of a request's head."),
    KEY(http, header_count_max, 1, 10'000, "Header fields of a request."),
    KEY(http, head_seconds_max, 1, kDayS, "Time from a head's first byte to its last."),
    KEY(http, body_mib_max, 1, 1024, "Size of a request's body."),
    KEY(http, body_seconds_max, 1, kDayS, "Time for a request's body."),
    KEY(http, idle_seconds_max, 1, kDayS, "How long a silent connection stays open."),
    KEY(http, write_stall_seconds_max, 1, kDayS,
        "How long a reader may read nothing before it is cut off."),
    KEY(up, run_dir, 0, 0,
        "Folder for sockets. Empty: $XDG_RUNTIME_DIR/holdfast, or /tmp/holdfast-UID."),
    KEY(up, restart_ms_min, 1, 3'600'000, "Wait before a dead process is started again."),
    KEY(up, restart_ms_max, 1, 3'600'000, "The wait doubles with each death up to this."),
    KEY(up, drain_seconds_max, 0, kDayS, "Time for answers under way when told to stop."),
    KEY(log, level, 0, 0, "debug, info, warn or error."),
};
#undef KEY

std::string_view TypeName(const Target& target) {
  switch (target.index()) {
    case 0:
      return "a string";
    case 1:
      return "an integer";
    default:
      return "true or false";
  }
}

Result<void> SetInteger(const Key& key, std::int64_t* target, std::int64_t value,
                        std::string_view where) {
  if (value < key.min || value > key.max) {
    return Fail(ErrorCode::kInvalidArgument, "{}: {}.{} is {}, outside {}..{}", where, key.section,
                key.name, value, key.min, key.max);
  }
  *target = value;
  return {};
}

Result<void> FailType(const Key& key, const Target& target, std::string_view where) {
  return Fail(ErrorCode::kInvalidArgument, "{}: {}.{} must be {}", where, key.section, key.name,
              TypeName(target));
}

Result<void> SetFromToml(const Key& key, const toml::node& node, std::string_view where,
                         Config& config) {
  const Target target = key.target(config);
  if (auto* const text = std::get_if<std::string*>(&target); text && node.is_string()) {
    **text = node.as_string()->get();
    return {};
  }
  if (auto* const flag = std::get_if<bool*>(&target); flag && node.is_boolean()) {
    **flag = node.as_boolean()->get();
    return {};
  }
  if (auto* const integer = std::get_if<std::int64_t*>(&target); integer && node.is_integer()) {
    return SetInteger(key, *integer, node.as_integer()->get(), where);
  }
  return FailType(key, target, where);
}

Result<void> SetFromText(const Key& key, std::string_view text, std::string_view where,
                         Config& config) {
  const Target target = key.target(config);
  if (auto* const string = std::get_if<std::string*>(&target)) {
    **string = text;
    return {};
  }
  if (auto* const flag = std::get_if<bool*>(&target); flag && (text == "true" || text == "false")) {
    **flag = text == "true";
    return {};
  }
  if (auto* const integer = std::get_if<std::int64_t*>(&target)) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) {
      return SetInteger(key, *integer, value, where);
    }
  }
  return FailType(key, target, where);
}

const Key* FindKey(std::string_view section, std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

bool IsSection(std::string_view section) {
  return std::ranges::any_of(kKeys, [&](const Key& key) { return key.section == section; });
}

Result<toml::table> ParseFile(const std::filesystem::path& path) {
  toml::parse_result parsed = toml::parse_file(path.string());
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return Fail(ErrorCode::kInvalidArgument, "{}:{}: {}", path.string(), error.source().begin.line,
                error.description());
  }
  return std::move(parsed).table();
}

Result<void> ReadFile(const std::filesystem::path& path, Config& config) {
  TRY_ASSIGN(const toml::table table, ParseFile(path));
  for (const auto& [section, value] : table) {
    const auto where = [&](const toml::node& node) {
      return fmt::format("{}:{}", path.string(), node.source().begin.line);
    };
    if (!IsSection(section.str()) || !value.is_table()) {
      return Fail(ErrorCode::kInvalidArgument, "{}:{}: unknown section [{}]", path.string(),
                  section.source().begin.line, section.str());
    }
    for (const auto& [name, node] : *value.as_table()) {
      const Key* const key = FindKey(section.str(), name.str());
      if (key == nullptr) {
        return Fail(ErrorCode::kInvalidArgument, "{}:{}: unknown key {}.{}", path.string(),
                    name.source().begin.line, section.str(), name.str());
      }
      TRY(SetFromToml(*key, node, where(node), config));
    }
  }
  return {};
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

Result<void> ReadEnvironment(const std::vector<std::string>& environment, Config& config) {
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (equals == std::string::npos || !name.starts_with("HOLDFAST_")) continue;
    const std::string_view value = std::string_view(entry).substr(equals + 1);
    bool is_known = false;
    bool has_section = false;
    for (const Key& key : kKeys) {
      const std::string prefix = "HOLDFAST_" + Upper(key.section) + "_";
      has_section = has_section || name.starts_with(prefix);
      if (name != prefix + Upper(key.name)) continue;
      is_known = true;
      TRY(SetFromText(key, value, name, config));
    }
    if (has_section && !is_known) {
      return Fail(ErrorCode::kInvalidArgument, "{}: no such setting", name);
    }
    // Not an error: others write such names too, as a cluster does for a service called holdfast.
    if (!is_known) log::warn("{}: no such setting, ignored", name);
  }
  return {};
}

Result<void> CheckTogether(const Config& config) {
  if (config.gateway.tls_certificate.empty() != config.gateway.tls_key.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "gateway.tls_certificate and gateway.tls_key are set together or not at all");
  }
  if (config.up.restart_ms_min > config.up.restart_ms_max) {
    return Fail(ErrorCode::kInvalidArgument, "up.restart_ms_min is over up.restart_ms_max");
  }
  const std::string& level = config.log.level;
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return Fail(ErrorCode::kInvalidArgument, "log.level is '{}', not debug, info, warn or error",
                level);
  }
  return {};
}

}  // namespace

std::vector<ConfigKey> ConfigKeys() {
  Config defaults;
  std::vector<ConfigKey> keys;
  for (const Key& key : kKeys) {
    const Target target = key.target(defaults);
    std::string text;
    if (auto* const string = std::get_if<std::string*>(&target))
      text = fmt::format("\"{}\"", **string);
    if (auto* const flag = std::get_if<bool*>(&target)) text = **flag ? "true" : "false";
    if (auto* const integer = std::get_if<std::int64_t*>(&target)) text = std::to_string(**integer);
    keys.push_back(
        {fmt::format("{}.{}", key.section, key.name), std::move(text), std::string(key.help)});
  }
  return keys;
}

Result<Config> LoadConfig(const std::filesystem::path& path,
                          const std::vector<std::string>& environment) {
  Config config;
  if (!path.empty()) TRY(ReadFile(path, config));
  TRY(ReadEnvironment(environment, config));
  TRY(CheckTogether(config));
  return config;
}

std::vector<std::string> ProcessEnvironment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

}  // namespace holdfast::server
