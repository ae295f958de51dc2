#include "server/admin.h"

#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "server/account_office.h"
#include "server/console.h"
#include "server/control_socket.h"
#include "server/rooms_schema.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

constexpr const char* kRotateKeys = "rotate-keys";

// Nobody else holds the state: it is opened for this one act. The ring is opened only for what
// needs it, since that takes its instance key.
Result<json::Object> DoHere(const Config& config, const std::filesystem::path& state_dir,
                            const json::Object& question) {
  TRY_ASSIGN(const auto database,
             store::Database::Open({.url = DatabaseUrl(config.accounts, state_dir)}));
  TRY(MigrateRooms(*database));
  TRY_ASSIGN(const auto audit, audit::Log::Open(state_dir / "audit.log"));
  const crypto::KeyFiles files = KeyFilesIn(state_dir);
  std::unique_ptr<crypto::KeyRing> ring;
  std::error_code ignored;
  if (question.at("act") == kRotateKeys && std::filesystem::exists(files.ring, ignored)) {
    TRY_ASSIGN(ring, crypto::OpenKeyRing(files));
  }
  return DoAtConsole({.database = *database,
                      .audit = *audit,
                      .files = files,
                      .ring = ring.get(),
                      .public_url = PublicUrl(config)},
                     question);
}

Result<json::Object> AskOrDo(const Config& config, const json::Object& question) {
  TRY_ASSIGN(const std::filesystem::path state_dir, MakeStateDir(config.up));
  TRY_ASSIGN(std::optional<json::Object> told, AskGateway(state_dir, question));
  if (told) return std::move(*told);
  return DoHere(config, state_dir, question);
}

}  // namespace

Result<std::string> MakeSetUpLink(const Config& config) {
  TRY_ASSIGN(const json::Object told, AskOrDo(config, {{"act", "setup-link"}}));
  return json::RequireString(told, "link");
}

Result<std::string> ResetOperator(const Config& config, std::string_view name) {
  TRY_ASSIGN(const json::Object told,
             AskOrDo(config, {{"act", "reset-operator"}, {"name", std::string(name)}}));
  return json::RequireString(told, "link");
}

Result<RotatedKey> RotateKey(const Config& config) {
  constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max();
  TRY_ASSIGN(const json::Object told, AskOrDo(config, {{"act", kRotateKeys}}));
  RotatedKey rotated;
  TRY_ASSIGN(rotated.id, json::RequireString(told, "id"));
  TRY_ASSIGN(const std::int64_t rewrapped, json::RequireInt(told, "rewrapped", 0, kCountMax));
  TRY_ASSIGN(const std::int64_t unreadable, json::RequireInt(told, "unreadable", 0, kCountMax));
  rotated.summary.rewrapped = static_cast<std::size_t>(rewrapped);
  rotated.summary.unreadable = static_cast<std::size_t>(unreadable);
  return rotated;
}

Result<void> NoteBackup(const Config& config, int keep_days) {
  TRY(AskOrDo(config, {{"act", "note-backup"}, {"keep_days", keep_days}}));
  return {};
}

}  // namespace holdfast::server
