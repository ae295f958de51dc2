#include "server/guard_console.h"

#include <optional>
#include <string>
#include <utility>

#include "server/control_socket.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

constexpr const char* kActor = "console";
// A page fits a line of the control socket: a decision takes at most 700 bytes.
constexpr std::size_t kPageMax = kControlBytesMax / 1024;

Error ToError(const accounts::Refused& refused) {
  const ErrorCode code =
      refused.reason == Reason::kNotFound ? ErrorCode::kNotFound : ErrorCode::kIo;
  return MakeError(code, "{}", refused.detail);
}

Result<json::Object> List(const GuardConsole& console, const json::Object& question) {
  TRY_ASSIGN(const std::string state, json::StringOr(question, "state", "in_force"));
  TRY_ASSIGN(const std::string cursor, json::StringOr(question, "cursor", ""));
  return api::PageJson(console.decisions.List(cursor, state == "ended", kPageMax));
}

Result<json::Object> Show(const GuardConsole& console, const json::Object& question) {
  TRY_ASSIGN(const std::string id, json::RequireString(question, "id"));
  const auto found = console.decisions.Find(id);
  if (!found) return Fail(ErrorCode::kNotFound, "there is no decision {}", id);
  return api::DecisionJson(*found);
}

Result<json::Object> Undo(const GuardConsole& console, const json::Object& question) {
  TRY_ASSIGN(const std::string id, json::RequireString(question, "id"));
  const auto undone = console.decisions.Undo(id, kActor);
  if (!undone) return Fail(ToError(undone.error()));
  return Show(console, question);
}

}  // namespace

Result<json::Object> DoAtGuardConsole(const GuardConsole& console, const json::Object& question) {
  TRY_ASSIGN(const std::string act, json::RequireString(question, "act"));
  if (act == "guard-list") return List(console, question);
  if (act == "guard-show") return Show(console, question);
  if (act == "guard-undo") return Undo(console, question);
  if (act == "guard-report") return console.likeness.Report();
  if (act == "guard-rehearsed") {
    const auto marked = console.likeness.MarkRehearsed(kActor);
    if (!marked) return Fail(ToError(marked.error()));
    return console.likeness.Report();
  }
  return Fail(ErrorCode::kInvalidArgument, "there is no act {}", act);
}

Result<json::Object> AskGuard(const Config& config, const json::Object& question) {
  TRY_ASSIGN(const std::filesystem::path state_dir, MakeStateDir(config.up));
  TRY_ASSIGN(std::optional<json::Object> told, AskGateway(state_dir, question));
  if (told) return std::move(*told);
  return Fail(ErrorCode::kFailedPrecondition,
              "no gateway is running on {}: its guard has no "
              "decisions",
              state_dir.string());
}

}  // namespace holdfast::server
