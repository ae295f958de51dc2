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

#include "accounts/account.h"
#include "base/log.h"
#include "conversations/import_job.h"
#include "journal/segment_ring.h"

namespace holdfast::server {
namespace {

using Target = std::variant<std::string*, std::int64_t*, bool*, std::vector<std::string>*>;

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
    KEY(gateway, allowed_hosts, 0, 0,
        "Names by which browsers reach this service, \"chat.example\", \"*.example\" or \"*\"."),
    KEY(gateway, trusted_proxies, 0, 0,
        "Networks of reverse proxies (\"10.0.0.0/8\") that are believed for whom they ask"),
    KEY(gateway, cors_origins, 0, 0, "Origins of other pages that may call the API from a browser"),
    KEY(gateway, io_threads, 1, kThreadsMax, "Threads that read and write sockets."),
    KEY(gateway, tls_certificate, 0, 0, "PEM file with the certificate chain. Empty: plain HTTP."),
    KEY(gateway, tls_key, 0, 0, "PEM file with the private key."),
    KEY(gateway, web_dir, 0, 0, "Serve the page from this folder. Empty: the one in the binary."),
    KEY(gateway, connections_max, 1, 1 << 20, "Open connections in all."),
    KEY(gateway, connections_per_client_max, 1, 1 << 20, "Open connections of one address."),
    KEY(gateway, concurrency_initial, 1, 1 << 16,
        "Answers under way at once until it is learned how many are best."),
    KEY(gateway, concurrency_max, 1, 1 << 16,
        "Answers under way at most; how many are best is learned. More wait."),
    KEY(gateway, concurrency_per_client_max, 1, 1 << 20,
        "Answers under way or waiting of one address; more are refused."),
    KEY(gateway, waiting_max, 0, 1 << 17, "Requests that may wait; more are refused."),
    KEY(gateway, waiting_seconds_max, 0, kDayS,
        "Who would wait longer is refused at once, and told when to come again."),
    KEY(gateway, sheds, 0, 0, "Under pressure refuse callers without history before others wait."),
    KEY(gateway, short_answer_tokens, 0, 1 << 20,
        "Tokens of an answer under pressure, where its caller set no limit; who set a higher one "
        "may ask for less or come later. 0: as many as ever, else at least 64."),
    KEY(gateway, strangers_pay, 0, 0,
        "Whether callers without an account do a proof of work before an answer: never, busy (in "
        "the page, under pressure) or always."),
    KEY(gateway, body_memory_mib, 8, 1 << 20, "Memory for all bodies on their way together"),
    KEY(gateway, import_mib_max, 1, conversations::kImportFileBytesMax >> 20,
        "Size of an uploaded file of conversations."),
    KEY(accounts, database, 0, 0,
        "Where accounts are kept: sqlite:FILE or postgresql://... Empty: holdfast.db in the state "
        "folder."),
    KEY(accounts, registration, 0, 0,
        "open, email, domains, invitation, approval or closed, until an operator switches it."),
    KEY(accounts, anonymous, 0, 0,
        "Who may have answers without an account: off, local (this machine itself) or everyone."),
    KEY(accounts, public_url, 0, 0,
        "The address that links in mail lead to, and that passkeys are of. Empty: gateway.listen, "
        "and passkeys at localhost alone."),
    KEY(accounts, tokens_per_day, 0, 1LL << 53,
        "Of an account that has no own quota. 0: no limit."),
    KEY(accounts, requests_at_once, 0, accounts::kRequestsAtOnceMax,
        "Answers under way or waiting of an account that has no own limit. 0: only the guard's."),
    KEY(accounts, probation_hours, 1, 24 * 30,
        "How long accounts that were made while registrations were restricted have no answers, "
        "unless a mail address is confirmed or an operator says yes."),
    KEY(accounts, password_ms, 1, 10'000, "Time that checking a password is made to take."),
    KEY(accounts, password_memory_mib, 19, 1024, "Memory that checking a password takes at most."),
    KEY(accounts, database_connections, 2, 64, "Connections to the database."),
    KEY(accounts, smtp_url, 0, 0,
        "The mail server: smtp://HOST[:PORT] or smtps://HOST[:PORT]. Empty: mail stays where "
        "operators read it."),
    KEY(accounts, smtp_user, 0, 0, "Whom the mail server knows us as. Empty: it wants no login."),
    KEY(accounts, smtp_password_file, 0, 0, "File whose first line is the password of smtp_user."),
    KEY(accounts, smtp_tls_ca_file, 0, 0,
        "PEM file with the authorities that the mail server is trusted by. Empty: the system's."),
    KEY(accounts, mail_from, 0, 0, "The address that mail comes from, \"holdfast@chat.example\"."),
    KEY(http, head_bytes_max, 1024, 1 << 20, "Bytes of a request's head."),
    KEY(http, header_count_max, 1, 10'000, "Header fields of a request."),
    KEY(http, head_seconds_max, 1, kDayS, "Time from a head's first byte to its last."),
    KEY(http, body_mib_max, 1, 1024, "Size of a request's body."),
    KEY(http, body_seconds_max, 1, kDayS, "Time for a request's body."),
    KEY(http, idle_seconds_max, 1, kDayS, "How long a silent connection stays open."),
    KEY(http, write_stall_seconds_max, 1, kDayS,
        "How long a reader may read nothing before it is cut off."),
    KEY(guard, contact, 0, 0,
        "Where whoever is limited by a decision may object: a mail address, a page. Empty: they "
        "are not told."),
    KEY(guard, likeness, 0, 0,
        "measured: likeness to an attack is enforced once its false accusations are measured to be "
        "rare here. shadow: never."),
    KEY(guard, push_down, 0, 0,
        "auto: addresses that heed no refusal are dropped by the kernel, where this process may "
        "tell it (CAP_NET_ADMIN). off: never."),
    KEY(guard, connections_per_second, 1, 10'000,
        "New connections of one address; twenty times that at once. A network may do eight times "
        "what an address may."),
    KEY(guard, handshakes_per_second, 1, 10'000,
        "The same where each begins with a TLS handshake; forty times that at once."),
    KEY(up, run_dir, 0, 0,
        "Folder for sockets. Empty: $XDG_RUNTIME_DIR/holdfast, or /tmp/holdfast-UID."),
    KEY(up, state_dir, 0, 0, "Folder for what must last. Empty: $STATE_DIRECTORY"),
    KEY(up, restart_ms_min, 1, 3'600'000, "Wait before a dead process is started again."),
    KEY(up, restart_ms_max, 1, 3'600'000, "The wait doubles with each death up to this."),
    KEY(up, drain_seconds_max, 0, kDayS, "Time for answers under way when told to stop."),
    KEY(journal, bytes_max, 0, 1LL << 40,
        "Bytes of the traffic journal in all; the oldest go first. 0: none is kept."),
    KEY(journal, segment_bytes, journal::kSegmentBytesMin, journal::kSegmentBytesMax,
        "Bytes of one of its files."),
    KEY(log, level, 0, 0, "debug, info, warn or error."),
};
#undef KEY

std::string_view TypeName(const Target& target) {
  switch (target.index()) {
    case 0:
      return "a string";
    case 1:
      return "an integer";
    case 2:
      return "true or false";
    default:
      return "a list of strings";
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

Result<std::vector<std::string>> ReadStrings(const toml::array& array, std::string_view name,
                                             std::string_view where) {
  std::vector<std::string> strings;
  for (const toml::node& node : array) {
    if (!node.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: {} must be a list of strings", where, name);
    }
    strings.push_back(node.as_string()->get());
  }
  return strings;
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
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
  if (auto* const list = std::get_if<std::vector<std::string>*>(&target); list && node.is_array()) {
    TRY_ASSIGN(**list, ReadStrings(*node.as_array(), key.name, where));
    return {};
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
  if (auto* const list = std::get_if<std::vector<std::string>*>(&target)) {
    **list = SplitAtCommas(text);
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

std::string WhereIs(const std::filesystem::path& path, const toml::node& node) {
  return fmt::format("{}:{}", path.string(), node.source().begin.line);
}

Result<void> ReadSection(const std::filesystem::path& path, std::string_view section,
                         const toml::table& table, Config& config) {
  for (const auto& [name, node] : table) {
    const Key* const key = FindKey(section, name.str());
    if (key == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "{}:{}: unknown key {}.{}", path.string(),
                  name.source().begin.line, section, name.str());
    }
    TRY(SetFromToml(*key, node, WhereIs(path, node), config));
  }
  return {};
}

Result<void> SetEntry(std::string_view name, const toml::node& node, std::string_view where,
                      EngineEntry& entry) {
  const std::pair<std::string_view, std::string*> kTexts[] = {
      {"name", &entry.name},
      {"url", &entry.url},
      {"key_file", &entry.key_file},
      {"tls_ca_file", &entry.tls_ca_file},
      {"tls_server_name", &entry.tls_server_name}};
  for (const auto& [key, text] : kTexts) {
    if (name != key) continue;
    if (!node.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: engine.{} must be a string", where, name);
    }
    *text = node.as_string()->get();
    return {};
  }
  if (name == "models" && node.is_array()) {
    TRY_ASSIGN(entry.models, ReadStrings(*node.as_array(), "engine.models", where));
    return {};
  }
  if (name == "weight" && node.is_number()) {
    entry.weight = node.value<double>().value_or(0);
    return {};
  }
  if (name == "tls_insecure" && node.is_boolean()) {
    entry.tls_insecure = node.as_boolean()->get();
    return {};
  }
  const bool is_known = name == "models" || name == "weight" || name == "tls_insecure";
  return Fail(ErrorCode::kInvalidArgument, "{}: engine.{} {}", where, name,
              is_known ? "is of the wrong type" : "is no setting of an engine with a url");
}

// An entry without a url is this machine's own engine: its keys are those of [engine].
Result<void> ReadEngines(const std::filesystem::path& path, const toml::array& array,
                         Config& config) {
  config.has_own_engine = false;
  for (const toml::node& node : array) {
    const toml::table& table = *node.as_table();
    if (!table.contains("url")) {
      if (std::exchange(config.has_own_engine, true)) {
        return Fail(ErrorCode::kInvalidArgument, "{}: a second [[engine]] without a url",
                    WhereIs(path, node));
      }
      TRY(ReadSection(path, "engine", table, config));
      continue;
    }
    EngineEntry entry;
    for (const auto& [name, value] : table) {
      TRY(SetEntry(name.str(), value, WhereIs(path, value), entry));
    }
    if (entry.name.empty()) entry.name = entry.url;
    config.engines.push_back(std::move(entry));
  }
  return {};
}

Result<void> SetOidcKey(std::string_view name, const toml::node& node, std::string_view where,
                        OidcEntry& entry) {
  const std::pair<std::string_view, std::string*> kTexts[] = {
      {"id", &entry.id},
      {"name", &entry.name},
      {"issuer", &entry.issuer},
      {"client_id", &entry.client_id},
      {"client_secret_file", &entry.client_secret_file},
      {"tls_ca_file", &entry.tls_ca_file}};
  for (const auto& [key, text] : kTexts) {
    if (name != key) continue;
    if (!node.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: oidc.{} must be a string", where, name);
    }
    *text = node.as_string()->get();
    return {};
  }
  const bool is_list = name == "scopes" || name == "domains";
  if (!is_list) {
    return Fail(ErrorCode::kInvalidArgument, "{}: oidc.{} is no setting of a provider", where,
                name);
  }
  if (!node.is_array()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: oidc.{} must be a list of strings", where, name);
  }
  TRY_ASSIGN((name == "scopes" ? entry.scopes : entry.domains),
             ReadStrings(*node.as_array(), name, where));
  return {};
}

Result<void> ReadProviders(const std::filesystem::path& path, const toml::array& array,
                           Config& config) {
  for (const toml::node& node : array) {
    OidcEntry entry;
    for (const auto& [name, value] : *node.as_table()) {
      TRY(SetOidcKey(name.str(), value, WhereIs(path, value), entry));
    }
    config.oidc.push_back(std::move(entry));
  }
  return {};
}

Result<void> ReadFile(const std::filesystem::path& path, Config& config) {
  TRY_ASSIGN(const toml::table table, ParseFile(path));
  for (const auto& [section, value] : table) {
    if (section.str() == "engine" && value.is_array_of_tables()) {
      TRY(ReadEngines(path, *value.as_array(), config));
      continue;
    }
    if (section.str() == "oidc" && value.is_array_of_tables()) {
      TRY(ReadProviders(path, *value.as_array(), config));
      continue;
    }
    if (!IsSection(section.str()) || !value.is_table()) {
      return Fail(ErrorCode::kInvalidArgument, "{}:{}: unknown section [{}]", path.string(),
                  section.source().begin.line, section.str());
    }
    TRY(ReadSection(path, section.str(), *value.as_table(), config));
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
  if (config.journal.bytes_max > 0 && config.journal.bytes_max < 2 * config.journal.segment_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "journal.bytes_max is under two times journal.segment_bytes");
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
    if (std::holds_alternative<std::vector<std::string>*>(target)) text = "[]";
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
