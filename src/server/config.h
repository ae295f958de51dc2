// Config: every setting of the three processes, with its default, its range and its meaning in one
// table (config.cc). Read once at start from holdfast.toml and the environment; a value type that
// each process takes its part of. Unknown keys and values out of range are errors that name the
// file and the line.
//
// Key `section.name` of the file is HOLDFAST_SECTION_NAME in the environment, which wins; a list is
// separated by commas there.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast::server {

struct ModelConfig {
  std::string path;
  std::string name;
};

struct EngineConfig {
  std::string listen;
  std::int64_t threads = 0;
  std::int64_t io_threads = 1;
  std::int64_t queue_max = 256;
  std::int64_t running_max = 64;
  std::int64_t step_tokens_max = 512;
  std::int64_t step_target_ms = 200;
  std::int64_t cache_mib = 512;
  std::int64_t context_max = 0;
  std::int64_t answer_tokens_max = 4096;
  std::int64_t answer_seconds_max = 600;
  bool deterministic = false;
};

// One [[engine]] of the file: an OpenAI-compatible endpoint of the gateway's pool. See
// upstream/engine_spec.h.
struct EngineEntry {
  std::string name;
  std::string url;
  std::vector<std::string> models;
  double weight = 1;
  std::string key_file;
  std::string tls_ca_file;
  std::string tls_server_name;
  bool tls_insecure = false;
};

struct GatewayConfig {
  std::string listen = "localhost:8080";
  std::string engine;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> cors_origins;
  std::int64_t io_threads = 2;
  std::string tls_certificate;
  std::string tls_key;
  std::string web_dir;
  std::int64_t connections_max = 2048;
  std::int64_t connections_per_client_max = 128;
  std::int64_t concurrency_initial = 32;
  std::int64_t concurrency_max = 64;
  std::int64_t concurrency_per_client_max = 32;
  std::int64_t waiting_max = 4096;
  std::int64_t waiting_seconds_max = 0;
  bool sheds = true;
  std::int64_t short_answer_tokens = 512;
  std::string strangers_pay = "never";
  std::int64_t body_memory_mib = 256;
  std::int64_t import_mib_max = 64;
};

struct AccountsConfig {
  std::string database;
  std::string registration = "closed";
  std::string anonymous = "local";
  std::string public_url;
  std::int64_t tokens_per_day = 0;
  std::int64_t requests_at_once = 0;
  std::int64_t probation_hours = 6;
  std::int64_t password_ms = 150;
  std::int64_t password_memory_mib = 64;
  std::int64_t database_connections = 4;
  std::string smtp_url;
  std::string smtp_user;
  std::string smtp_password_file;
  std::string smtp_tls_ca_file;
  std::string mail_from;
};

// One [[oidc]] of the file: an OpenID provider that people may come from. See
// oidc/provider_spec.h.
struct OidcEntry {
  std::string id;
  std::string name;
  std::string issuer;
  std::string client_id;
  std::string client_secret_file;
  std::vector<std::string> scopes = {"openid", "profile", "email"};
  std::vector<std::string> domains;
  std::string tls_ca_file;
};

struct HttpConfig {
  std::int64_t head_bytes_max = 16 << 10;
  std::int64_t header_count_max = 100;
  std::int64_t head_seconds_max = 10;
  std::int64_t body_mib_max = 4;
  std::int64_t body_seconds_max = 30;
  std::int64_t idle_seconds_max = 75;
  std::int64_t write_stall_seconds_max = 30;
};

struct GuardConfig {
  std::string contact;
  std::string likeness = "measured";
  std::string push_down = "auto";
  std::int64_t connections_per_second = 500;
  std::int64_t handshakes_per_second = 100;
};

struct UpConfig {
  std::string run_dir;
  std::string state_dir;
  std::int64_t restart_ms_min = 250;
  std::int64_t restart_ms_max = 30'000;
  std::int64_t drain_seconds_max = 20;
};

struct JournalConfig {
  std::int64_t bytes_max = 256LL << 20;
  std::int64_t segment_bytes = 8LL << 20;
};

struct LogConfig {
  std::string level = "info";
};

struct Config {
  ModelConfig model;
  EngineConfig engine;
  std::vector<EngineEntry> engines;  // Beside the one of this machine.
  // This machine's own engine is in the pool: always, unless [[engine]] entries leave it out.
  bool has_own_engine = true;
  GatewayConfig gateway;
  AccountsConfig accounts;
  std::vector<OidcEntry> oidc;
  HttpConfig http;
  GuardConfig guard;
  UpConfig up;
  JournalConfig journal;
  LogConfig log;
};

// One row of the table, for documentation and for the example file.
struct ConfigKey {
  std::string name;  // "engine.queue_max"
  std::string default_text;
  std::string help;
};
std::vector<ConfigKey> ConfigKeys();

// `path` empty: no file. `environment`: "NAME=value" strings; names that begin with HOLDFAST_ and
// a section's name must be known. Errors: kInvalidArgument, "FILE:LINE: what is wrong".
[[nodiscard]] Result<Config> LoadConfig(const std::filesystem::path& path,
                                        const std::vector<std::string>& environment);

// The environment of this process, for LoadConfig.
std::vector<std::string> ProcessEnvironment();

}  // namespace holdfast::server
