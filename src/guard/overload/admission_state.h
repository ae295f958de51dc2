// What Admission is made of: its parts, its tickets, and the steps of a decision. For admission.cc
// alone; rules and threads are in admission.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guard/overload/admission.h"
#include "guard/overload/appointment_book.h"
#include "guard/overload/client_table.h"
#include "guard/overload/concurrency_limit.h"
#include "guard/overload/deadline_heap.h"
#include "guard/overload/fair_queue.h"
#include "guard/overload/held_places.h"
#include "guard/overload/pacer.h"
#include "guard/overload/request_costs.h"
#include "guard/overload/wait_estimator.h"

namespace holdfast::guard {

class Admission::State {
 public:
  explicit State(const AdmissionOptions& options);

  Offer Request(const RequestFacts& facts, Time now);
  void Poll(Time now, std::vector<TicketId>& started, std::vector<Expired>& expired);
  Time NextTime() const;
  bool OnFirstToken(TicketId id, Time now);
  bool OnFinish(TicketId id, std::uint32_t output_tokens, Ending ending, Time now);
  void OnEngineReport(const EngineReport& report, Time now);
  void Save(StateWriter& writer) const {
    limit_.Save(writer);
    costs_.Save(writer);
  }
  void Load(StateReader& reader) {
    limit_.Load(reader);
    costs_.Load(reader);
  }
  ExpectedWait Wait(TicketId id, Time now) const;
  Admitted Find(TicketId id) const;
  std::size_t tickets_max() const { return tickets_.size(); }
  Rung rung() const { return ladder_.rung(); }
  Time rung_since() const { return ladder_.since(); }
  AdmissionCounters counters() const;

 private:
  using Slot = std::uint32_t;

  enum class Phase : std::uint8_t { kFree, kWaiting, kBeforeFirstToken, kStreaming };

  struct Ticket {
    std::uint32_t generation = 0;
    Phase phase = Phase::kFree;
    ServiceClass service_class = ServiceClass::kAnonymous;
    bool is_known = false;
    ClientTable::Index client = 0;
    RequestCost cost;
    std::uint64_t client_id = 0;
    Time arrival{};
    Time first_token{};
    WaitEstimator::Estimate estimate;  // The first.
    std::uint32_t places = 0;
    ConcurrencyLimit::Mark mark;
  };

  // A request on its way to a decision.
  struct Applicant {
    ServiceClass service_class = ServiceClass::kAnonymous;
    ClientTable::Index client = 0;
    RequestCost cost;
    bool is_known = false;    // Has history, or was here in quiet time.
    bool is_long = false;     // Its limit is over that of a short answer.
    bool is_early = false;    // Retries before it was told to.
    bool is_invited = false;  // Keeps its appointment.
  };

  Time Advance(Time now);
  void WatchForOnset(std::uint32_t choices, Time now);
  Applicant Apply(const RequestFacts& facts, Time now);
  // Over the client's own limit, whatever the load: when to come again, 0 if that never helps.
  std::optional<Duration> OverOwnLimit(const RequestFacts& facts, const Applicant& applicant) const;
  double AllowedWait(const RequestFacts& facts, const Applicant& applicant) const;  // Seconds.
  Refusal WhyNotWait(const Applicant& applicant) const;
  Offer StartAtOnce(const RequestFacts& facts, const Applicant& applicant, Time now);
  Offer Enqueue(const RequestFacts& facts, const Applicant& applicant,
                const WaitEstimator::Line& line, const WaitEstimator::Estimate& estimate,
                double allowed, Time now);
  Offer Refuse(const Applicant& applicant, Refusal refusal, double excess, Time now);
  AppointmentBook::Request AppointmentFor(const Applicant& applicant) const;
  Slot NewTicket(const RequestFacts& facts, const Applicant& applicant, Time now);
  void Free(Slot slot);
  // May start, of those who wait.
  bool IsDue(const Ticket& ticket, Time now) const;
  // By the clock of those who wait, and the limits of the engine.
  bool IsInTime(std::uint32_t choices, Time now) const;
  // The places of those who are known keep it from starting, for as long as they use them.
  bool IsNextHeldBack() const;
  // For one who has just come.
  bool MayStartAtOnce(const Applicant& applicant, Time now) const;
  bool NoRegularWaits() const;
  // All places were taken a moment ago.
  bool IsShort(Time now) const { return now - place_missed_ < kShortFor; }
  double ShareOfRegulars() const;
  // False: the places that are left are for others.
  bool MayHavePlace(ServiceClass service_class, bool is_known, std::uint32_t choices,
                    Time now) const;
  void Start(Slot slot, bool has_waited, Time now);
  Expired Expire(Slot slot, Time now);
  void LeaveQueue(Slot slot);  // Unserved.
  void Settle(const Ticket& ticket, std::uint32_t output_tokens, Ending ending, Time now);
  WaitEstimator::Line LineBefore(ServiceClass service_class, OrderTree::Key key, double cost,
                                 Time now) const;
  double GivenBelow(ServiceClass service_class) const;
  double CapacityFor(ServiceClass service_class) const;

  // Places are kept for so long after all were taken.
  static constexpr Duration kShortFor = std::chrono::seconds(3);
  static constexpr Slot kNone = ~Slot{0};
  Slot SlotOf(TicketId id) const;  // kNone: there is no such ticket.
  TicketId IdOf(Slot slot) const {
    return static_cast<TicketId>(tickets_[slot].generation) << 32 | slot;
  }

  const AdmissionOptions options_;
  ClientTable clients_;
  AppointmentBook book_;
  FairQueue queue_;
  DeadlineHeap deadlines_;
  RequestCosts costs_;
  ConcurrencyLimit limit_;
  const bool is_paced_;
  Pacer pacer_;
  WaitEstimator estimator_;
  Ladder ladder_;
  std::vector<Ticket> tickets_;
  std::vector<Slot> free_;
  Time now_{};
  Time down_since_{};
  Time place_missed_ = Time{} - kShortFor;
  Time regulars_first_until_{};
  Time onset_from_ = Time{} - kShortFor;
  double onset_refused_ = 0;  // Answers, since then.
  std::uint32_t workers_ = 0;
  HeldPlaces places_;
  AdmissionCounters counters_;
};

}  // namespace holdfast::guard
