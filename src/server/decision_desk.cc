#include "server/decision_desk.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/decision_id.h"

namespace holdfast::server {
namespace {

std::string_view StateWord(guard::RestrictionEvent event) {
  switch (event) {
    case guard::RestrictionEvent::kImposed:
    case guard::RestrictionEvent::kRenewed:
      break;
    case guard::RestrictionEvent::kExpired:
      return "expired";
    case guard::RestrictionEvent::kUndone:
      return "undone";
    case guard::RestrictionEvent::kDisplaced:
      return "displaced";
  }
  return "in_force";
}

bool IsEnd(guard::RestrictionEvent event) {
  return event != guard::RestrictionEvent::kImposed && event != guard::RestrictionEvent::kRenewed;
}

// One page of `all`, which begins with the newest.
api::GuardPage PageOf(std::vector<api::GuardDecision> all, std::size_t page_max) {
  api::GuardPage page{std::move(all), std::nullopt};
  if (page.decisions.size() <= page_max) return page;
  page.decisions.resize(page_max);
  page.next = page.decisions.back().id;
  return page;
}

}  // namespace

DecisionDesk::DecisionDesk(LiveDoor& door, WriteDown write_down, const crypto::HashKey& key,
                           std::function<void(const guard::RestrictionRecord&)> on_record)
    : door_(door),
      write_down_(std::move(write_down)),
      key_(key),
      on_record_(std::move(on_record)) {}

void DecisionDesk::Hear() {
  const std::lock_guard lock(mutex_);
  HearLocked();
}

void DecisionDesk::HearLocked() {
  records_.clear();
  door_.DrainRestrictions(records_);
  for (const guard::RestrictionRecord& record : records_) {
    if (on_record_) on_record_(record);
    if (!IsEnd(record.event)) continue;
    api::GuardDecision decision = ToDecision(record.restriction);
    decision.state = StateWord(record.event);
    decision.ended_at = door_.ToWallMs(record.time);
    ended_.push_back({record.restriction.id, std::move(decision)});
    if (ended_.size() > kEndedMax) ended_.pop_front();
  }
}

api::GuardDecision DecisionDesk::ToDecision(const guard::Restriction& restriction) const {
  const guard::RestrictionProposal& what = restriction.what;
  api::GuardDecision decision;
  decision.id = DecisionId(restriction.id);
  decision.rule = what.rule;
  decision.action = guard::RestrictionActionWord(what.action);
  decision.scope = guard::ScopeKindWord(what.scope.kind);
  decision.name = fmt::format("{:016x}", what.scope.name);
  decision.since = door_.ToWallMs(restriction.since);
  decision.expires_at = door_.ToWallMs(restriction.expires);
  for (const guard::RestrictionEvidence& one : what.evidence) {
    if (one.detector.empty()) continue;
    decision.evidence.push_back({std::string(one.detector), one.value, one.llr});
  }
  return decision;
}

api::GuardPage DecisionDesk::List(std::string_view cursor, bool has_ended, std::size_t page_max) {
  const std::optional<guard::RestrictionId> before = FindDecisionId(cursor);
  const auto is_before = [&](guard::RestrictionId id) { return !before || id < *before; };
  std::vector<api::GuardDecision> found;
  if (!has_ended) {
    std::vector<guard::Restriction> all = door_.Restrictions();
    std::ranges::reverse(all);
    for (const guard::Restriction& one : all) {
      if (is_before(one.id)) found.push_back(ToDecision(one));
      if (found.size() > page_max) break;
    }
    return PageOf(std::move(found), page_max);
  }
  const std::lock_guard lock(mutex_);
  HearLocked();
  std::vector<const Ended*> ended;
  for (const Ended& one : ended_) {
    if (is_before(one.id)) ended.push_back(&one);
  }
  std::ranges::sort(ended, std::greater(), &Ended::id);
  ended.resize(std::min(ended.size(), page_max + 1));
  for (const Ended* one : ended) found.push_back(one->decision);
  return PageOf(std::move(found), page_max);
}

std::optional<api::GuardDecision> DecisionDesk::Find(std::string_view text) {
  const std::optional<guard::RestrictionId> id = FindDecisionId(text);
  if (!id) return std::nullopt;
  if (const auto restriction = door_.FindRestriction(*id)) return ToDecision(*restriction);
  const std::lock_guard lock(mutex_);
  HearLocked();
  const auto ended = std::ranges::find(ended_, *id, &Ended::id);
  return ended == ended_.end() ? std::nullopt : std::optional(ended->decision);
}

accounts::Outcome<void> DecisionDesk::Undo(std::string_view text, std::string_view actor) {
  const std::optional<guard::RestrictionId> id = FindDecisionId(text);
  const auto found = id ? door_.FindRestriction(*id) : std::nullopt;
  if (!found) return accounts::Refuse(Reason::kNotFound, "no such decision is in force");
  const api::GuardDecision decision = ToDecision(*found);
  TRY(write_down_(
      {audit::EventKind::kRestrictionUndone,
       std::string(actor),
       decision.id,
       {{"rule", decision.rule}, {"action", decision.action}, {"scope", decision.scope}}}));
  const std::lock_guard lock(mutex_);
  const bool is_undone = door_.UndoRestriction(*id, key_.Hash(actor));
  HearLocked();
  if (!is_undone) return accounts::Refuse(Reason::kNotFound, "the decision has just ended");
  const auto ended = std::ranges::find(ended_, *id, &Ended::id);
  if (ended != ended_.end()) ended->decision.ended_by = actor;
  return {};
}

}  // namespace holdfast::server
