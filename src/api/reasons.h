// What a reason looks like on the wire: its status and the `type` of OpenAI's error object. The
// list of reasons, their sides and when to try again are base/reason.h's. Immutable, thread-safe.
#pragma once

#include <string_view>

#include "base/reason.h"

namespace holdfast::api {

struct WireReason {
  Reason reason;
  int status;
  std::string_view type;
};

const WireReason& Wire(Reason reason);

}  // namespace holdfast::api
