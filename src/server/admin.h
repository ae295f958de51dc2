// What an operator does on the machine itself, whether or not the service runs: a link for the
// first operator, the way back for one who has lost a factor, a new instance key. A running gateway
// does it, asked over its control socket; otherwise it is done here. Free functions; they block.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/key_ring.h"
#include "server/config.h"

namespace holdfast::server {

// A new link for the set-up, good for an hour; the one before is of no use any more. Errors:
// kFailedPrecondition when there is an operator.
[[nodiscard]] Result<std::string> MakeSetUpLink(const Config& config);

// Takes an operator's second factor, passkeys and sessions away, and gives a link to set a new
// password, good for an hour. Errors: kNotFound (nobody of that name), kFailedPrecondition (no
// operator).
[[nodiscard]] Result<std::string> ResetOperator(const Config& config, std::string_view name);

struct RotatedKey {
  std::string id;
  crypto::RotateSummary summary;
};

// All goes on meanwhile. Errors: kFailedPrecondition (the key is systemd's), kNotFound (there is no
// ring), those of crypto::RotateInstanceKey, and then it goes on when it is called again or the
// service starts.
[[nodiscard]] Result<RotatedKey> RotateKey(const Config& config);

// Puts a backup that is about to be made into the audit log, and into the book of those that
// somebody who leaves is told of.
[[nodiscard]] Result<void> NoteBackup(const Config& config, int keep_days);

}  // namespace holdfast::server
