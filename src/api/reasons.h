// What a reason looks like on the wire: its status, the `type` of OpenAI's error object and a
// sentence. The list of reasons, their sides and when to try again are base/reason.h's. Immutable,
// thread-safe.
#pragma once

#include <string_view>

#include "base/reason.h"

namespace holdfast::api {

struct WireReason {
  Reason reason;
  int status;
  std::string_view type;
  std::string_view sentence;  // For the client, where nothing better is known.
};

const WireReason& Wire(Reason reason);

}  // namespace holdfast::api
