#include "server/run_files.h"

#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::server {

Result<std::filesystem::path> MakeRunDir(const UpConfig& config) {
  std::filesystem::path path = config.run_dir;
  if (path.empty()) {
    const char* const runtime_dir = std::getenv("XDG_RUNTIME_DIR");
    path = runtime_dir != nullptr && *runtime_dir != '\0'
               ? std::filesystem::path(runtime_dir) / "holdfast"
               : std::filesystem::path(fmt::format("/tmp/holdfast-{}", ::getuid()));
  }
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return Fail(ErrnoError("make run folder " + path.string()));
  }
  // In /tmp anyone could have made it first; a folder of someone else is not used.
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Fail(ErrnoError("run folder " + path.string()));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::getuid()) {
    return Fail(ErrorCode::kPermissionDenied, "run folder {} is not a folder of this user",
                path.string());
  }
  return path;
}

Result<net::Endpoint> EngineEndpoint(const Config& config) {
  if (!config.engine.listen.empty()) return net::ParseEndpoint(config.engine.listen);
  TRY_ASSIGN(const std::filesystem::path run_dir, MakeRunDir(config.up));
  return net::ParseEndpoint("unix:" + (run_dir / "engine.sock").string());
}

}  // namespace holdfast::server
