// The folders of this service, for sockets and for what lasts, and the engine's address. Free
// functions.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "net/endpoint.h"
#include "server/config.h"

namespace holdfast::server {

// up.run_dir or its default; made with mode 0700 if it is not there. Errors: kPermissionDenied when
// it belongs to someone else.
[[nodiscard]] Result<std::filesystem::path> MakeRunDir(const UpConfig& config);

// up.state_dir or its default; made with mode 0700 if it is not there. Errors: as MakeRunDir;
// kFailedPrecondition when nothing says where it could be.
[[nodiscard]] Result<std::filesystem::path> MakeStateDir(const UpConfig& config);

// Where the engine listens.
[[nodiscard]] Result<net::Endpoint> EngineEndpoint(const Config& config);

}  // namespace holdfast::server
