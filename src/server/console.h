// What an operator does on the machine itself, done by whoever holds the state: the running
// gateway, which is asked over its control socket, or else the verb. Each act is in the audit log
// before it takes effect. Free functions; they block.
#pragma once

#include <string>

#include "audit/log.h"
#include "base/result.h"
#include "crypto/key_ring.h"
#include "crypto/key_rotation.h"
#include "json/json.h"
#include "store/database.h"

namespace holdfast::server {

struct ConsoleTools {
  store::Database& database;
  audit::Log& audit;
  crypto::KeyFiles files;
  // Null: there is none yet, or nobody has opened it.
  crypto::KeyRing* ring = nullptr;
  std::string public_url;
};

// `question`: {"act": "setup-link"}, {"act": "reset-operator", "name": "..."},
// {"act": "rotate-keys"} or {"act": "note-backup", "keep_days": 30}. Answers {"link"}, {"link"},
// {"id", "rewrapped", "unreadable"} or {}. Errors: kInvalidArgument (no such act);
// kFailedPrecondition and kNotFound as admin.h and instance_keys.h say.
[[nodiscard]] Result<json::Object> DoAtConsole(const ConsoleTools& tools,
                                               const json::Object& question);

}  // namespace holdfast::server
