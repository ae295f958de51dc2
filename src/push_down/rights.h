// What a process may do, as Linux capabilities. Of the calling thread; before others are made.
#pragma once

#include "base/result.h"

namespace holdfast::push_down {

bool HasNetAdmin();

// Keeps CAP_NET_ADMIN and nothing else, as a user that owns nothing, for good. Errors: of the
// system.
[[nodiscard]] Result<void> KeepNetAdminAlone();

// Gives CAP_NET_ADMIN up, for good where this process may say so.
void DropNetAdmin();

}  // namespace holdfast::push_down
