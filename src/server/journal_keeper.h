// JournalKeeper: writes what happens at the live door into the traffic journal (journal/writer.h),
// in the folder journal/ of the state folder. Thread-safe. It is made before the door and goes
// after it.
#pragma once

#include <filesystem>
#include <memory>

#include "journal/writer.h"
#include "metrics/registry.h"
#include "server/config.h"
#include "server/door_clock.h"
#include "server/door_observer.h"

namespace holdfast::server {

class JournalKeeper final : public DoorObserver {
 public:
  // Null where none is to be kept, or cannot be, which the log says: the service goes on without.
  static std::unique_ptr<JournalKeeper> Open(const JournalConfig& config,
                                             const std::filesystem::path& folder,
                                             const DoorClock& clock, metrics::Registry& registry);

  void OnAsked(const guard::RequestFacts& facts, const guard::Door::Word& word) override;
  void OnDecided(const guard::Door::Expired& decided, guard::Time now) override;
  void OnFirstToken(guard::DoorId id, guard::Time now) override;
  void OnEnded(guard::DoorId id, const guard::OutcomeFacts& outcome) override;
  void OnConnection(const guard::ConnectionFacts& facts) override;
  void OnEngineReport(const guard::EngineReport& report, const guard::DoorCounters& counters,
                      guard::Time now) override;
  void OnRestriction(const guard::RestrictionRecord& record) override;
  void OnRegistration(const guard::RegistrationChange& change) override;
  void OnRung(guard::Rung from, const guard::DoorCounters& counters, guard::Time now) override;

 private:
  JournalKeeper(std::unique_ptr<journal::Writer> writer, metrics::Registry& registry);

  std::unique_ptr<journal::Writer> writer_;
  metrics::Gauge written_gauge_, lost_gauge_;
  // Of the engine's reports; the door's lock is theirs.
  journal::EncodedRow last_report_{};
  guard::Time reported_at_{};
};

}  // namespace holdfast::server
