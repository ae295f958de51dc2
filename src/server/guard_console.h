// What an operator asks the guard on the machine itself: the decisions in force, one with its
// evidence, an end to one, how likeness was measured. Only a running gateway can answer, over its
// control socket. Free functions; they block.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "server/config.h"
#include "server/decision_desk.h"
#include "server/likeness_keeper.h"

namespace holdfast::server {

struct GuardConsole {
  DecisionDesk& decisions;
  LikenessKeeper& likeness;
};

// Acts of the guard's begin with this.
inline constexpr std::string_view kGuardAct = "guard-";

// `question`: {"act": "guard-list", "state": "in_force" or "ended", "cursor": "..."},
// {"act": "guard-show" or "guard-undo", "id": "..."}, {"act": "guard-report"} or
// {"act": "guard-rehearsed"}. Answers as /api/admin/guard does. Errors: kNotFound,
// kInvalidArgument, kIo.
[[nodiscard]] Result<json::Object> DoAtGuardConsole(const GuardConsole& console,
                                                    const json::Object& question);

// Asks the running gateway. Errors: those above; kFailedPrecondition when none is running.
[[nodiscard]] Result<json::Object> AskGuard(const Config& config, const json::Object& question);

}  // namespace holdfast::server
