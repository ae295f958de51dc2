#include "guard/overload/admission.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "guard/overload/admission_state.h"

namespace holdfast::guard {
namespace {

using namespace std::chrono_literals;

constexpr Duration kOwnAnswers = 1s;  // Retry-After of who has too many under way.
constexpr Duration kHeldMin = 5s;     // Retry-After of an engine just lost, or a rung just entered.
constexpr Duration kLookSpan = 1s;    // The ladder, and what is kept, without events.
constexpr double kUnbooked = 0.7;
constexpr double kEarly = kUnbooked / 2;
constexpr double kBookShare = 0.9;  // Of its capacity, that a class gives to appointments.

// Of the queue, by Standing: the rest is kept for those above.
constexpr double kQueueShare[kStandingCount] = {0.5, 0.8, 1.0};

// At this pressure, and for so long after it, regulars go before others. Below, nearly all are
// served, and to put some before others would only make waits harder to foretell.
constexpr double kRegularsFirst = 2.5;
constexpr Duration kRegularsHold = 60s;
// While capacity has not shown: so many times the places of the engine, refused within a second.
constexpr double kOnset = 2;
constexpr Duration kOnsetSpan = 1s;

constexpr double kGoodEstimate = 0.2;

int IndexOf(ServiceClass service_class) { return static_cast<int>(service_class); }

ConcurrencyLimit::Options LimitOptions(const AdmissionOptions& options) {
  return {.level = options.level,
          .min = options.in_flight_min,
          .initial = options.in_flight_initial,
          .max = options.in_flight_max,
          .is_adaptive = options.is_adaptive};
}

CostOptions CostsOf(const AdmissionOptions& options) {
  return {.weight_input = options.weight_input,
          .weight_output = options.weight_output,
          .bytes_per_token = options.bytes_per_token,
          .output_tokens_initial = options.output_tokens_initial,
          .request_tokens_max = options.request_tokens_max,
          .short_answer_tokens = options.short_answer_tokens};
}

}  // namespace

Admission::State::State(const AdmissionOptions& options)
    : options_(options),
      clients_(options.clients_max),
      book_(options.retry_after_max, clients_),
      queue_(options.queue_max + options.in_flight_max, options.share, options.is_fair, clients_),
      deadlines_(options.queue_max + options.in_flight_max),
      costs_(CostsOf(options)),
      limit_(LimitOptions(options)),
      is_paced_(options.is_paced && options.is_adaptive),
      ladder_(options.ladder),
      tickets_(options.queue_max + options.in_flight_max) {
  free_.reserve(tickets_.size());
  for (std::size_t i = tickets_.size(); i > 0; --i) free_.push_back(static_cast<Slot>(i - 1));
}

// To the later of `now` and the latest time that was told, which it returns.
Time Admission::State::Advance(Time now) {
  now_ = std::max(now, now_);
  const bool is_tick = estimator_.Advance(now_, queue_.size() > 0);
  if (is_tick) places_.Advance(now_);
  if (is_tick && options_.has_ladder) ladder_.Observe(estimator_.pressure(), now_);
  if (is_tick && estimator_.pressure() >= kRegularsFirst) {
    regulars_first_until_ = now_ + kRegularsHold;
  }
  return now_;
}

Admission::Offer Admission::State::Request(const RequestFacts& facts, Time now) {
  now = Advance(now);
  const Applicant applicant = Apply(facts, now);
  if (const auto retry_after = OverOwnLimit(facts, applicant)) {
    ++counters_.refused;
    return {.refusal = Refusal::kYourConcurrency, .retry_after = *retry_after};
  }
  const bool is_first = facts.attempt == 0 && !applicant.is_early;
  estimator_.OnAsked(applicant.cost.demand);
  if (is_first) estimator_.OnDemand(applicant.cost.demand);
  if (now < clients_[applicant.client].invited_at) book_.Forfeit(AppointmentFor(applicant));

  if (!limit_.is_up()) return Refuse(applicant, Refusal::kEngineDown, 0, now);
  if (MayStartAtOnce(applicant, now)) return StartAtOnce(facts, applicant, now);
  if (!limit_.CanStart(applicant.cost.choices)) place_missed_ = now;
  places_.OnMissed(applicant.is_known, now);

  const WaitEstimator::Line line = LineBefore(
      applicant.service_class, queue_.NextKey(applicant.service_class, clients_[applicant.client]),
      applicant.cost.charge, now);
  const WaitEstimator::Estimate estimate = estimator_.Wait(applicant.service_class, line);
  const double allowed = AllowedWait(facts, applicant);
  const double excess = std::max(estimate.expected - allowed, 0.0);
  const double part = applicant.is_early                           ? kEarly
                      : applicant.is_invited                       ? 1
                      : book_.IsOpen(applicant.service_class, now) ? kUnbooked
                                                                   : 1;
  Refusal refusal = WhyNotWait(applicant);
  const bool is_late = options_.is_deadline_aware && estimate.high > allowed * part;
  if (refusal == Refusal::kNone && is_late) refusal = Refusal::kDeadlineUnreachable;
  if (refusal != Refusal::kNone) {
    if (is_first) WatchForOnset(applicant.cost.choices, now);
    return Refuse(applicant, refusal, excess, now);
  }
  return Enqueue(facts, applicant, line, estimate, allowed, now);
}

// Far more than can be served shows at once by who is refused, its measure only a second later.
void Admission::State::WatchForOnset(std::uint32_t choices, Time now) {
  if (estimator_.pressure() > 0) return;
  if (now - onset_from_ >= kOnsetSpan) {
    onset_from_ = now;
    onset_refused_ = 0;
  }
  onset_refused_ += choices;
  if (onset_refused_ >= kOnset * limit_.limit()) regulars_first_until_ = now + kRegularsHold;
}

Admission::State::Applicant Admission::State::Apply(const RequestFacts& facts, Time now) {
  Applicant applicant;
  applicant.service_class =
      ClassOf(facts.standing, facts.is_batch, facts.is_regular && now < regulars_first_until_);
  applicant.client = clients_.Find(facts.caller.client(), applicant.service_class,
                                   queue_.virtual_time(applicant.service_class), now);
  const Client& client = clients_[applicant.client];
  applicant.cost = costs_.Of(facts, client.history, rung() >= Rung::kShorterAnswers);
  applicant.is_known = facts.standing == Standing::kHistory || facts.is_regular;
  applicant.is_long = costs_.IsLong(facts);

  const bool keeps_appointment = AppointmentBook::ComesWhenTold(client.invited_at, now);
  // What a regular was told before regulars went first, it was told as one of the crowd.
  const bool is_unheard = IsRegular(applicant.service_class) && client.invited_at == Time{};
  const bool comes_when_told =
      keeps_appointment || is_unheard || AppointmentBook::ComesWhenTold(client.long_from, now);
  applicant.is_invited = keeps_appointment && AppointmentBook::HasPlace(client);
  // Behind the address of a regular there may be hundreds, of whom one was told when to come.
  const bool may_be_another =
      IsRegular(applicant.service_class) && facts.caller.account == 0 && facts.attempt == 0;
  applicant.is_early = (now < client.invited_at && !may_be_another) ||
                       (applicant.is_long && now < client.long_from) ||
                       (facts.attempt > 0 && !comes_when_told);
  return applicant;
}

std::optional<Duration> Admission::State::OverOwnLimit(const RequestFacts& facts,
                                                       const Applicant& applicant) const {
  const std::uint32_t own_max = options_.per_client_max;
  const std::uint32_t choices = applicant.cost.choices;
  if (choices > limit_.in_flight_max()) return Duration(0);
  if (own_max == 0) return std::nullopt;
  if (choices > own_max) return Duration(0);
  std::uint32_t held = 0;
  for (const ServiceClass service_class :
       {ClassOf(facts.standing, false, false), ClassOf(facts.standing, false, true),
        ClassOf(facts.standing, true)}) {
    const Client* client = clients_.Peek(facts.caller.client(), service_class);
    if (client != nullptr) held += client->choices_waiting + client->choices_in_flight;
  }
  if (held + choices <= own_max) return std::nullopt;
  return kOwnAnswers;
}

double Admission::State::AllowedWait(const RequestFacts& facts, const Applicant& applicant) const {
  const double first_token = limit_.ExpectedFirstToken(applicant.cost.prompt_tokens);
  double allowed = ToSeconds(options_.batch_wait_max);
  if (!facts.is_batch) {
    const double promised = ToSeconds(options_.level.first_token_max);
    allowed = options_.wait_max.count() > 0 ? ToSeconds(options_.wait_max)
                                            : promised - first_token - limit_.first_token_margin();
  }
  if (facts.patience.count() > 0) {
    allowed = std::min(allowed, ToSeconds(facts.patience) - first_token);
  }
  return std::max(allowed, 0.0);
}

Refusal Admission::State::WhyNotWait(const Applicant& applicant) const {
  const bool is_too_long = applicant.is_long && rung() >= Rung::kShorterAnswers;
  const bool is_early = applicant.is_early && !is_too_long;
  const Refusal shed = WhyShed(rung(), applicant.service_class, is_early);
  if (shed != Refusal::kNone) return shed;
  if (is_too_long) return Refusal::kShorterAnswers;
  const std::size_t of_client = clients_[applicant.client].choices_waiting + applicant.cost.choices;
  if (of_client > options_.queue_per_client_max) return Refusal::kYourConcurrency;
  const double share = kQueueShare[static_cast<int>(StandingOf(applicant.service_class))];
  if (queue_.size() >= share * static_cast<double>(options_.queue_max)) return Refusal::kQueueFull;
  return Refusal::kNone;
}

Admission::Offer Admission::State::StartAtOnce(const RequestFacts& facts,
                                               const Applicant& applicant, Time now) {
  const double cost = applicant.cost.charge;
  queue_.ChargeAtOnce(applicant.service_class, clients_[applicant.client], cost);
  estimator_.OnAdmitted(applicant.service_class, cost, false);
  const Slot slot = NewTicket(facts, applicant, now);
  Start(slot, false, now);
  return {.what = Offer::kStart, .id = IdOf(slot), .tokens_max = applicant.cost.tokens_max};
}

Admission::Offer Admission::State::Enqueue(const RequestFacts& facts, const Applicant& applicant,
                                           const WaitEstimator::Line& line,
                                           const WaitEstimator::Estimate& estimate, double allowed,
                                           Time now) {
  estimator_.OnAdmitted(applicant.service_class, applicant.cost.charge, line.behind > 0);
  const Slot slot = NewTicket(facts, applicant, now);
  Ticket& ticket = tickets_[slot];
  ticket.phase = Phase::kWaiting;
  ticket.estimate = estimate;
  ticket.places = line.places;
  queue_.Push(slot, applicant.service_class, applicant.client, applicant.cost.charge);
  clients_[applicant.client].choices_waiting += applicant.cost.choices;
  deadlines_.Insert(slot, options_.is_deadline_aware ? now + FromSeconds(allowed) : Time::max());
  return {.what = Offer::kWait,
          .id = IdOf(slot),
          .wait = {.expected = FromSeconds(estimate.expected),
                   .low = FromSeconds(estimate.low),
                   .high = FromSeconds(estimate.high),
                   .place = line.places + 1},
          .tokens_max = applicant.cost.tokens_max};
}

Admission::Offer Admission::State::Refuse(const Applicant& applicant, Refusal refusal,
                                          double excess, Time now) {
  ++counters_.refused;
  Offer offer{.what = Offer::kRefuse, .refusal = refusal};
  // What has held for a while will hold for about as long.
  if (refusal == Refusal::kEngineDown) {
    offer.retry_after = std::clamp(now - down_since_, kHeldMin, options_.retry_after_max);
  } else if (refusal == Refusal::kShorterAnswers) {
    Time& from = clients_[applicant.client].long_from;
    const Duration held = std::clamp(now - ladder_.since(), kHeldMin, options_.retry_after_max);
    if (from <= now) from = now + held;
    offer.retry_after = from - now;
    offer.tokens_max = options_.short_answer_tokens;
  } else {
    offer.retry_after = book_.Make(AppointmentFor(applicant), excess, now);
  }
  return offer;
}

AppointmentBook::Request Admission::State::AppointmentFor(const Applicant& applicant) const {
  return {.service_class = applicant.service_class,
          .client = applicant.client,
          .cost = applicant.cost.charge,
          .rate = kBookShare * CapacityFor(applicant.service_class)};
}

Admission::State::Slot Admission::State::NewTicket(const RequestFacts& facts,
                                                   const Applicant& applicant, Time now) {
  CHECK(!free_.empty());
  const Slot slot = free_.back();
  free_.pop_back();
  Ticket& ticket = tickets_[slot];
  ++ticket.generation;
  ticket.service_class = applicant.service_class;
  ticket.is_known = applicant.is_known;
  ticket.client = applicant.client;
  ticket.cost = applicant.cost;
  ticket.client_id = facts.caller.client();
  ticket.arrival = now;
  clients_[applicant.client].invited_at = {};
  clients_[applicant.client].booked = 0;
  clients_[applicant.client].long_from = {};
  return slot;
}

void Admission::State::Free(Slot slot) {
  tickets_[slot].phase = Phase::kFree;
  free_.push_back(slot);
}

void Admission::State::Poll(Time now, std::vector<TicketId>& started,
                            std::vector<Expired>& expired) {
  now = Advance(now);
  while (deadlines_.deadline() <= now) expired.push_back(Expire(deadlines_.first(), now));
  while (queue_.size() > 0) {
    const Ticket& next = tickets_[queue_.Next()];
    if (!IsDue(next, now)) break;
    const Slot slot = queue_.Pop();
    deadlines_.Erase(slot);
    clients_[tickets_[slot].client].choices_waiting -= tickets_[slot].cost.choices;
    Start(slot, true, now);
    started.push_back(IdOf(slot));
  }
}

void Admission::State::Start(Slot slot, bool has_waited, Time now) {
  Ticket& ticket = tickets_[slot];
  ticket.phase = Phase::kBeforeFirstToken;
  const RequestCost& cost = ticket.cost;
  ticket.mark = limit_.OnStart(cost.prompt_tokens, now, cost.choices);
  clients_[ticket.client].choices_in_flight += cost.choices;
  places_.OnStart(ticket.is_known, cost.choices, now);
  estimator_.OnStart(cost.charge, cost.predicted_output, has_waited);
  if (is_paced_) {
    pacer_.OnStart(cost.charge, estimator_.capacity(), limit_.room(), has_waited, now);
  }
  ++counters_.started;
  if (!has_waited) return;
  const double real = ToSeconds(now - ticket.arrival);
  estimator_.OnWaited(ticket.service_class, ticket.estimate, real, ticket.places);
  ++counters_.waited;
  const double expected = ticket.estimate.expected;
  if (std::abs(real - expected) <= kGoodEstimate * expected) {
    ++counters_.wait_estimates_good;
  }
}

Admission::Expired Admission::State::Expire(Slot slot, Time now) {
  const Ticket& ticket = tickets_[slot];
  const Expired expired{
      .id = IdOf(slot),
      .refusal = Refusal::kDeadlineUnreachable,
      .retry_after = book_.Make(AppointmentFor({.service_class = ticket.service_class,
                                                .client = ticket.client,
                                                .cost = ticket.cost}),
                                0, now)};
  LeaveQueue(slot);
  Free(slot);
  ++counters_.expired;
  return expired;
}

Time Admission::State::NextTime() const {
  Time next = deadlines_.deadline();
  if (is_paced_ && queue_.size() > 0) {
    const Ticket& waits = tickets_[queue_.Next()];
    const std::uint32_t choices = waits.cost.choices;
    const bool has_place = limit_.CanFloat(choices) &&
                           MayHavePlace(waits.service_class, waits.is_known, choices, now_);
    if (has_place) next = std::min(next, pacer_.due());
  }
  const bool is_looked_at =
      rung() != Rung::kOpen || (IsShort(now_) && ShareOfRegulars() > 0) || IsNextHeldBack();
  return is_looked_at ? std::min(next, now_ + kLookSpan) : next;
}

bool Admission::State::IsNextHeldBack() const {
  if (queue_.size() == 0) return false;
  const Ticket& next = tickets_[queue_.Next()];
  return !places_.MayStart(next.is_known, next.cost.choices, limit_.limit());
}

bool Admission::State::MayStartAtOnce(const Applicant& applicant, Time now) const {
  const std::uint32_t choices = applicant.cost.choices;
  // Regulars find the places that the others who wait may not have.
  if (IsRegular(applicant.service_class) && NoRegularWaits() && limit_.CanStart(choices)) {
    return true;
  }
  return queue_.size() == 0 &&
         MayHavePlace(applicant.service_class, applicant.is_known, choices, now) &&
         (limit_.CanStart(choices) || IsInTime(choices, now));
}

double Admission::State::ShareOfRegulars() const {
  return estimator_.ShareOf(ServiceClass::kRegularHistory) +
         estimator_.ShareOf(ServiceClass::kRegular);
}

bool Admission::State::NoRegularWaits() const {
  return queue_.clients_waiting(ServiceClass::kRegularHistory) +
             queue_.clients_waiting(ServiceClass::kRegular) ==
         0;
}

bool Admission::State::MayHavePlace(ServiceClass service_class, bool is_known,
                                    std::uint32_t choices, Time now) const {
  if (!places_.MayStart(is_known, choices, limit_.limit())) return false;
  // Where one of them waits, the reserve is used up, and the order of the queue holds.
  return !IsShort(now) || IsRegular(service_class) || !NoRegularWaits() ||
         limit_.LeavesReserve(ShareOfRegulars(), choices);
}

bool Admission::State::IsDue(const Ticket& ticket, Time now) const {
  const std::uint32_t choices = ticket.cost.choices;
  return MayHavePlace(ticket.service_class, ticket.is_known, choices, now) &&
         IsInTime(choices, now);
}

bool Admission::State::IsInTime(std::uint32_t choices, Time now) const {
  if (!is_paced_) return limit_.CanStart(choices);
  return (now >= pacer_.due() && limit_.CanFloat(choices)) || limit_.IsShort(choices);
}

bool Admission::State::OnFirstToken(TicketId id, Time now) {
  now = Advance(now);
  const Slot slot = SlotOf(id);
  if (slot == kNone || tickets_[slot].phase != Phase::kBeforeFirstToken) return false;
  Ticket& ticket = tickets_[slot];
  ticket.phase = Phase::kStreaming;
  ticket.first_token = now;
  limit_.OnFirstToken(ticket.mark, ticket.cost.prompt_tokens, now);
  places_.OnFirstToken(ticket.cost.choices);
  if (limit_.window_cut() == now) places_.OnQueue(now);
  estimator_.OnFirstToken(ticket.cost.charge, ticket.cost.predicted_output);
  return true;
}

bool Admission::State::OnFinish(TicketId id, std::uint32_t output_tokens, Ending ending, Time now) {
  now = Advance(now);
  const Slot slot = SlotOf(id);
  if (slot == kNone) return false;
  const Ticket& ticket = tickets_[slot];
  if (ticket.phase == Phase::kWaiting) {
    LeaveQueue(slot);
  } else {
    Settle(ticket, output_tokens, ending, now);
  }
  Free(slot);
  return true;
}

void Admission::State::LeaveQueue(Slot slot) {
  queue_.Erase(slot);
  deadlines_.Erase(slot);
  clients_[tickets_[slot].client].choices_waiting -= tickets_[slot].cost.choices;
}

void Admission::State::Settle(const Ticket& ticket, std::uint32_t output_tokens, Ending ending,
                              Time now) {
  const bool had_first_token = ticket.phase == Phase::kStreaming;
  // The answers are written side by side.
  const std::uint32_t of_each = output_tokens / ticket.cost.choices;
  const bool has_interval = had_first_token && of_each > 1 && ending != Ending::kFailed;
  const Duration interval = has_interval ? (now - ticket.first_token) / (of_each - 1) : Duration{0};
  limit_.OnFinish(ticket.mark, had_first_token, interval, now);
  estimator_.OnFinish(ticket.cost.charge, ticket.cost.predicted_output, had_first_token, interval);
  Client& client = clients_[ticket.client];
  client.choices_in_flight -= ticket.cost.choices;
  places_.OnFinish(ticket.is_known, had_first_token, ticket.cost.choices, ticket.mark.start, now);
  client.owed += costs_.Settle(ticket.cost, output_tokens, ending, client.history);
}

void Admission::State::OnEngineReport(const EngineReport& report, Time now) {
  now = Advance(now);
  if (limit_.is_up() && report.workers_up == 0) down_since_ = now;
  limit_.OnEngineReport(report, now);
  if (report.workers_up == 0) return;
  if (workers_ > 0 && workers_ != report.workers_up) {
    estimator_.ScaleCapacity(static_cast<double>(report.workers_up) / workers_);
  }
  workers_ = report.workers_up;
}

WaitEstimator::Line Admission::State::LineBefore(ServiceClass service_class, OrderTree::Key key,
                                                 double cost, Time now) const {
  const OrderTree::Sum ahead = queue_.Before(service_class, key);
  const double virtual_time = queue_.virtual_time(service_class);
  const double lead = options_.is_fair ? key.tag - virtual_time : 0;
  const std::uint32_t clients = queue_.clients_waiting(service_class);
  WaitEstimator::Line line{
      .ahead = ahead.cost,
      .tag_lead = std::max(lead, 0.0),
      .clients = clients,
      .places = ahead.count,
      .given = GivenBelow(service_class),
      .share = queue_.share(service_class),
      .to_earn = cost - queue_.credit(service_class),
      .until_next = is_paced_ ? std::max(ToSeconds(pacer_.due() - now), 0.0) : -1,
      .factor = is_paced_ ? pacer_.factor() : 1};
  if (lead < 0 && clients > 0) {
    const double way = virtual_time - queue_.smallest_tag(service_class);
    line.behind = way > 0 ? std::min(-lead / way, 1.0) : 0;
  }
  for (int i = 0; i < IndexOf(service_class); ++i) {
    const OrderTree::Sum above = queue_.Total(static_cast<ServiceClass>(i));
    line.above += above.cost;
    line.places += above.count;
  }
  return line;
}

double Admission::State::GivenBelow(ServiceClass service_class) const {
  double given = 0;
  for (int i = IndexOf(service_class) + 1; i < kServiceClassCount; ++i) {
    const auto below = static_cast<ServiceClass>(i);
    if (queue_.clients_waiting(below) > 0) given += queue_.share(below);
  }
  return given;
}

double Admission::State::CapacityFor(ServiceClass service_class) const {
  return estimator_.CapacityFor(service_class, GivenBelow(service_class),
                                queue_.share(service_class));
}

ExpectedWait Admission::State::Wait(TicketId id, Time now) const {
  const Slot slot = SlotOf(id);
  if (slot == kNone || tickets_[slot].phase != Phase::kWaiting) return {};
  const Ticket& ticket = tickets_[slot];
  now = std::max(now, now_);
  const WaitEstimator::Line line =
      LineBefore(ticket.service_class, queue_.key(slot), ticket.cost.charge, now);
  WaitEstimator estimator = estimator_;  // A stall since the last event counts.
  estimator.Advance(now, true);
  const WaitEstimator::Estimate estimate = estimator.Wait(ticket.service_class, line);
  return {.expected = FromSeconds(estimate.expected),
          .low = FromSeconds(estimate.low),
          .high = FromSeconds(estimate.high),
          .place = line.places + 1};
}

Admitted Admission::State::Find(TicketId id) const {
  const Slot slot = SlotOf(id);
  if (slot == kNone) return {};
  const Ticket& ticket = tickets_[slot];
  return {.id = id,
          .arrival = ticket.arrival,
          .start = ticket.phase == Phase::kWaiting ? Time{} : ticket.mark.start,
          .client = ticket.client_id,
          .service_class = ticket.service_class,
          .prompt_tokens = ticket.cost.prompt_tokens,
          .choices = ticket.cost.choices,
          .predicted_output = ticket.cost.predicted_output,
          .tokens_max = ticket.cost.tokens_max,
          .predicted_cost = ticket.cost.charge};
}

AdmissionCounters Admission::State::counters() const {
  AdmissionCounters counters = counters_;
  counters.in_flight = limit_.in_flight();
  counters.before_first_token = limit_.before_first_token();
  counters.waiting = queue_.size();
  counters.in_flight_limit = limit_.limit();
  counters.prompt_window = limit_.window();
  counters.capacity = estimator_.capacity();
  counters.pressure = estimator_.pressure();
  counters.crowding = estimator_.crowding();
  counters.output_error = costs_.predictor().relative_error();
  counters.output_bias = costs_.predictor().bias();
  counters.engine_delay = FromSeconds(limit_.engine_delay());
  counters.token_interval = FromSeconds(limit_.token_interval());
  return counters;
}

Admission::State::Slot Admission::State::SlotOf(TicketId id) const {
  const auto slot = static_cast<Slot>(id);
  if (slot >= tickets_.size() || tickets_[slot].phase == Phase::kFree) return kNone;
  return IdOf(slot) == id ? slot : kNone;
}

Admission::Admission(const AdmissionOptions& options) : state_(std::make_unique<State>(options)) {}
Admission::~Admission() = default;
Admission::Admission(Admission&&) noexcept = default;
Admission& Admission::operator=(Admission&&) noexcept = default;

Admission::Offer Admission::Request(const RequestFacts& facts, Time now) {
  return state_->Request(facts, now);
}
void Admission::Poll(Time now, std::vector<TicketId>& started, std::vector<Expired>& expired) {
  state_->Poll(now, started, expired);
}
Time Admission::NextTime() const { return state_->NextTime(); }
bool Admission::OnFirstToken(TicketId id, Time now) { return state_->OnFirstToken(id, now); }
bool Admission::OnFinish(TicketId id, std::uint32_t output_tokens, Ending ending, Time now) {
  return state_->OnFinish(id, output_tokens, ending, now);
}
void Admission::OnEngineReport(const EngineReport& report, Time now) {
  state_->OnEngineReport(report, now);
}
ExpectedWait Admission::Wait(TicketId id, Time now) const { return state_->Wait(id, now); }
Admitted Admission::Find(TicketId id) const { return state_->Find(id); }
std::size_t Admission::tickets_max() const { return state_->tickets_max(); }
void Admission::Save(StateWriter& writer) const { state_->Save(writer); }
void Admission::Load(StateReader& reader) { state_->Load(reader); }
Rung Admission::rung() const { return state_->rung(); }
Time Admission::rung_since() const { return state_->rung_since(); }
AdmissionCounters Admission::counters() const { return state_->counters(); }

}  // namespace holdfast::guard
