// GuardDesk: what operators see of the guard, and may take back: decisions that limit somebody,
// each with its evidence and its end. Filled by whoever runs the guard; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.h"
#include "json/json.h"

namespace holdfast::api {

struct GuardEvidence {
  std::string detector;
  double value = 0;  // What it measured, in its own unit.
  double llr = 0;    // Its log-likelihood ratio for "hostile".
};

struct GuardDecision {
  std::string id;
  std::string rule;
  std::string action;  // "slow", "challenge", "refuse", "push_down"
  std::string scope;   // "account", "key", "address", "prefix", "fingerprint"
  std::string name;    // Of the scope, as a keyed hash: tells who is the same, not who it is.
  accounts::TimeMs since = 0;
  accounts::TimeMs expires_at = 0;
  std::vector<GuardEvidence> evidence;  // The strongest first.
  std::string state = "in_force";       // Or "expired", "undone", "displaced" (for want of room).
  std::optional<accounts::TimeMs> ended_at;
  std::string ended_by;  // Of one undone: an account's id or "console".
};

// The newest first.
struct GuardPage {
  std::vector<GuardDecision> decisions;
  std::optional<std::string> next;  // The cursor of the next page.
};

struct GuardDesk {
  // How the service stands: its rung, registrations, likeness and why.
  std::function<json::Object()> state;
  // Those in force, or those that have ended lately. `cursor` empty: from the newest on.
  std::function<GuardPage(std::string_view cursor, bool has_ended)> list;
  std::function<std::optional<GuardDecision>(std::string_view id)> find;
  // Blocks. Errors: kNotFound (not in force, or not any more), kStoreDown (it could not be written
  // down).
  std::function<accounts::Outcome<void>(std::string_view id, std::string_view actor)> undo;
};

json::Object DecisionJson(const GuardDecision& decision);
json::Object PageJson(const GuardPage& page);

}  // namespace holdfast::api
