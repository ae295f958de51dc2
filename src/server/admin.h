// What an operator does on the machine itself, whether or not the service runs: a link for the
// first operator, and the way back for one who has lost a factor. Free functions; they block.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// A new link for the set-up, good for an hour; the one before is of no use any more. Errors:
// kFailedPrecondition when there is an operator.
[[nodiscard]] Result<std::string> MakeSetUpLink(const Config& config);

// Takes an operator's second factor and sessions away, and gives a link to set a new password, good
// for an hour. Errors: kNotFound (nobody of that name), kFailedPrecondition (no operator).
[[nodiscard]] Result<std::string> ResetOperator(const Config& config, std::string_view name);

}  // namespace holdfast::server
