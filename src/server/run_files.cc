#include "server/run_files.h"

#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::server {

namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// For its owner alone. In a folder like /tmp anyone could have made it first; one that belongs to
// someone else is not used.
Result<std::filesystem::path> MakeOwnFolder(std::filesystem::path path, std::string_view what) {
  std::error_code ignored;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return Fail(ErrnoError(fmt::format("make {} {}", what, path.string())));
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return Fail(ErrnoError(fmt::format("{} {}", what, path.string())));
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::getuid()) {
    return Fail(ErrorCode::kPermissionDenied, "{} {} is not a folder of this user", what,
                path.string());
  }
  return path;
}

}  // namespace

Result<std::filesystem::path> MakeRunDir(const UpConfig& config) {
  if (!config.run_dir.empty()) return MakeOwnFolder(config.run_dir, "run folder");
  const std::string runtime = Variable("XDG_RUNTIME_DIR");
  if (!runtime.empty()) {
    return MakeOwnFolder(std::filesystem::path(runtime) / "holdfast", "run folder");
  }
  return MakeOwnFolder(fmt::format("/tmp/holdfast-{}", ::getuid()), "run folder");
}

Result<std::filesystem::path> MakeStateDir(const UpConfig& config) {
  constexpr std::string_view kWhat = "state folder";
  if (!config.state_dir.empty()) return MakeOwnFolder(config.state_dir, kWhat);
  // systemd makes this one; of several, the first is ours.
  const std::string given = Variable("STATE_DIRECTORY");
  if (!given.empty()) return MakeOwnFolder(given.substr(0, given.find(':')), kWhat);
  const std::string state = Variable("XDG_STATE_HOME");
  if (!state.empty()) return MakeOwnFolder(std::filesystem::path(state) / "holdfast", kWhat);
  const std::string home = Variable("HOME");
  if (!home.empty()) {
    return MakeOwnFolder(std::filesystem::path(home) / ".local/state/holdfast", kWhat);
  }
  return Fail(ErrorCode::kFailedPrecondition,
              "nothing says where the state folder is: set up.state_dir");
}

Result<net::Endpoint> EngineEndpoint(const Config& config) {
  if (!config.engine.listen.empty()) return net::ParseEndpoint(config.engine.listen);
  TRY_ASSIGN(const std::filesystem::path run_dir, MakeRunDir(config.up));
  return net::ParseEndpoint("unix:" + (run_dir / "engine.sock").string());
}

}  // namespace holdfast::server
