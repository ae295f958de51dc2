#include "guard/door.h"

#include <algorithm>

#include "base/check.h"
#include "guard/evidence/trial_count.h"
#include "guard/overload/stress.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {
namespace {

// Stress is looked at with each report of the engine; this often where there are none.
constexpr Duration kLookSpan = std::chrono::seconds(1);

// Of what Save writes.
constexpr std::uint32_t kStateVersion = 2;

// Set in the ids of log-ins and sign-ups: others are tickets of Admission.
constexpr DoorId kEntranceBit = DoorId{1} << 31;

std::size_t EntrancesMax(const PasswordGateOptions& options) {
  return options.checks_max + options.familiar_max + 4 * options.others_max;
}

}  // namespace

class Door::State {
 public:
  explicit State(const DoorOptions& options);

  void Save(const StatePart& part, std::string& state) const;
  Result<void> Load(std::string_view state, Time now);
  void Remember(const Caller& caller, Time now);
  Word Connect(const Caller& caller, bool is_encrypted, Time now);
  Word Edge(const Caller& caller, Time now);
  std::optional<Word> AdmitHead(const RequestFacts& head, Time now);
  Word Admit(const RequestFacts& facts, Time now);
  void Poll(Time now, std::vector<DoorId>& started, std::vector<Expired>& refused);
  Time NextTime() const;
  std::optional<ExpectedWait> Wait(DoorId id, Time now) const;
  void OnFirstToken(DoorId id, Time now);
  void End(DoorId id, const OutcomeFacts& outcome);
  void OnConnection(const ConnectionFacts& facts);
  void OnEngineReport(const EngineReport& report, Time now);
  void SetEnforcesLikeness(bool enforces) { enforces_likeness_ = enforces; }
  void SetLimits(const EdgeLimits& limits);
  Restrictions& restrictions() { return edge_->restrictions(); }
  RegistrationPolicy& registration() { return registration_; }
  DoorCounters counters() const;
  Rung rung() const { return admission_.rung(); }

 private:
  bool is_warm() const { return clusters_.baseline().epochs >= warm_epochs_; }

  // Whoever was let in or waits.
  struct Guest {
    DoorId id = 0;  // 0: nobody.
    Caller caller;
    Time arrival{};
    std::uint32_t prompt_tokens = 0;
    Route route = Route::kChat;
  };

  Time Advance(Time now);
  void Look(Time now);
  void Note(const ClusterTable::Arrival& arrival, const RequestFacts& facts, const Word& word,
            Time now);
  Word AnswerEdge(const EdgeLimiter::Decision& edge);
  // What the limits say; kStart: nothing against it.
  Word AnswerLimits(const EdgeLimiter::Decision& edge, const RequestFacts& facts, Time now) const;
  // `sender`: the record of who sent it; null: there is none.
  Word Decide(const ClientFeatures* sender, const RequestFacts& facts, Time now);
  // What is proposed about this caller is put into force and answers this request; kStart: nothing.
  Word JudgeCaller(const ClientFeatures* sender, const RequestFacts& facts, Time now);
  bool MustPay(const RequestFacts& facts, bool is_pressed) const;
  // Counts whom likeness would accuse though nothing presses.
  void TryLikeness(const ClientFeatures* sender, const RequestFacts& facts, Time now);
  // Of what the client's connections tell, where that is hostile.
  std::optional<RestrictionProposal> JudgeConnections(const Caller& caller) const;
  Word AskRegistration(const RequestFacts& facts, Time now);
  Word AskPasswordGate(const RequestFacts& facts, Time now);
  Word AskAdmission(const RequestFacts& facts, Time now);
  void CountLikeness(std::string_view rule, RestrictionAction action);
  Word RefuseWith(Refusal refusal, Duration retry_after,
                  const RestrictionNotice& restriction = {}) const;

  // Null, and counted: none of this id is here.
  Guest* Find(DoorId id);
  Guest& GuestOf(DoorId id);
  void Enter(DoorId id, const RequestFacts& facts, Time now);
  Guest Leave(DoorId id);
  DoorId EntranceId(std::uint32_t place) const;
  Expired Expire(DoorId id, Refusal refusal, Duration retry_after, Time now);

  const DoorOptions options_;
  std::unique_ptr<EdgeLimiter> edge_;
  RegistrationPolicy registration_;
  Admission admission_;
  Regulars regulars_;
  ClusterTable clusters_;
  Scorer scorer_;
  PasswordGate passwords_;
  Stress stress_;  // Short: likeness may cost a place. Quiet: it is tried. Uncrowded: the served
                   // are regulars.
  ChallengeDifficulty difficulty_;

  std::vector<Guest> answers_;  // By the lower half of their tickets.
  std::vector<Guest> entrances_;
  std::vector<std::uint32_t> generations_;  // Of the ids of entrances_.
  std::vector<std::uint32_t> free_entrances_;
  Time now_{};
  Time looked_{};
  double warm_epochs_;  // From which on the baseline is known well enough.
  bool enforces_likeness_;
  DoorCounters counters_;
  std::vector<Admission::Expired> expired_;
  std::vector<std::uint32_t> checked_;
  std::vector<PasswordGate::Expired> unchecked_;
  std::vector<std::uint32_t> lost_;
};

Door::State::State(const DoorOptions& options)
    : options_(options),
      edge_(std::make_unique<EdgeLimiter>(options.limits, options.seed)),
      registration_(options.registration),
      admission_(options.admission),
      regulars_(options.regulars_max, options.seed),
      clusters_(options.clusters, options.seed),
      passwords_(options.passwords, options.seed),
      stress_(options.settle, options.quiet_after),
      difficulty_(options.challenge),
      answers_(admission_.tickets_max()),
      entrances_(EntrancesMax(options.passwords)),
      generations_(entrances_.size(), 0),
      warm_epochs_(ToSeconds(options.warm_after) / ToSeconds(options.clusters.epoch)),
      enforces_likeness_(options.enforces_likeness) {
  CHECK(answers_.size() < kEntranceBit && entrances_.size() < kEntranceBit);
  for (std::size_t i = entrances_.size(); i > 0; --i) {
    free_entrances_.push_back(static_cast<std::uint32_t>(i - 1));
  }
}

Time Door::State::Advance(Time now) {
  if (now < now_) ++counters_.times_clamped;
  now_ = std::max(now, now_);
  if (now_ - looked_ >= kLookSpan) Look(now_);
  return now_;
}

void Door::State::Look(Time now) {
  looked_ = now;
  registration_.Advance(now);
  const AdmissionCounters counters = admission_.counters();
  stress_.Look(counters.pressure, counters.crowding, counters.waiting > 0, now);
  regulars_.Look(!stress_.is_uncrowded(now), now);
  clusters_.SetLearning(stress_.may_learn(now) && !registration_.is_restricted());
  // A bit for each doubling of what presses most: demand for answers, or passwords that wait.
  const auto waiting = static_cast<double>(passwords_.waiting());
  const double waits = waiting / static_cast<double>(options_.passwords.pressure_waiting);
  difficulty_.Update(std::max(counters.pressure, waits), now);
}

void Door::State::Save(const StatePart& part, std::string& state) const {
  StateWriter writer(state);
  if (part.is_first()) {
    writer.Put(kStateVersion);
    writer.Put(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    writer.Put(std::max(warm_epochs_ - clusters_.baseline().epochs, 0.0));
  }
  clusters_.Save(writer, part);
  passwords_.Save(writer, part);
  regulars_.Save(writer, part);
  if (!part.is_last()) return;
  registration_.Save(writer);
  admission_.Save(writer);
}

Result<void> Door::State::Load(std::string_view state, Time now) {
  StateReader reader(state);
  if (const auto version = reader.Take<std::uint32_t>(); version != kStateVersion) {
    return Fail(ErrorCode::kUnsupported, "it is of version {}, not {}", version, kStateVersion);
  }
  const Time saved{Duration(static_cast<std::int64_t>(reader.Take<std::uint64_t>()))};
  // A clock that was set back makes nothing young that is not.
  const Duration age = now > saved ? now - saved : saved - now;
  if (age > kStateAge) {
    return Fail(ErrorCode::kFailedPrecondition, "it is {} hours old",
                std::chrono::duration_cast<std::chrono::hours>(age).count());
  }
  const double cold_epochs = reader.TakeDouble(0, warm_epochs_);
  for (StatePart part{.count = kStateParts}; part.index < part.count; ++part.index) {
    clusters_.Load(reader, part);
    passwords_.Load(reader, part);
    regulars_.Load(reader, part);
  }
  registration_.Load(reader);
  admission_.Load(reader);
  if (!reader.is_sound() || !reader.is_at_end()) {
    return Fail(ErrorCode::kUnsupported, "it was written with other options");
  }
  const double cold = age <= kWarmStateAge ? cold_epochs : warm_epochs_;
  warm_epochs_ = clusters_.baseline().epochs + cold;
  now_ = std::min(saved, now);  // Saved again before anything happens, it is no younger.
  clusters_.MarkGap(now_, now);
  return {};
}

void Door::State::Remember(const Caller& caller, Time now) {
  clusters_.Remember(caller);
  passwords_.Remember(caller, Advance(now));
}

Door::Word Door::State::Connect(const Caller& caller, bool is_encrypted, Time now) {
  return AnswerEdge(edge_->CheckConnection(caller, is_encrypted, Advance(now)));
}

Door::Word Door::State::Edge(const Caller& caller, Time now) {
  return AnswerEdge(edge_->CheckAddress(caller, Advance(now)));
}

Door::Word Door::State::AnswerEdge(const EdgeLimiter::Decision& edge) {
  if (edge.refusal == Refusal::kNone) return {};
  ++counters_.edge_refused;
  return RefuseWith(edge.refusal, edge.retry_after, edge.restriction);
}

std::optional<Door::Word> Door::State::AdmitHead(const RequestFacts& head, Time now) {
  now = Advance(now);
  const std::optional<EdgeLimiter::Decision> edge = edge_->CheckIfRefused(head, now);
  if (!edge) return std::nullopt;
  const ClusterTable::Arrival arrival = clusters_.OnArrival(head, now);
  const Word word = AnswerLimits(*edge, head, now);
  Note(arrival, head, word, now);
  return word;
}

Door::Word Door::State::Admit(const RequestFacts& facts, Time now) {
  now = Advance(now);
  const ClusterTable::Arrival arrival = clusters_.OnArrival(facts, now);
  const Word word = Decide(arrival.client, facts, now);
  Note(arrival, facts, word, now);
  if (word.id != 0) Enter(word.id, facts, now);
  return word;
}

void Door::State::Note(const ClusterTable::Arrival& arrival, const RequestFacts& facts,
                       const Word& word, Time now) {
  clusters_.OnDecision(arrival, facts, {.refusal = word.refusal, .retry_after = word.retry_after},
                       now);
  ++counters_.refused[static_cast<std::size_t>(word.refusal)];
}

Door::Word Door::State::AnswerLimits(const EdgeLimiter::Decision& edge, const RequestFacts& facts,
                                     Time now) const {
  const bool is_over_rate = edge.refusal == Refusal::kYourRate;
  if (edge.refusal != Refusal::kNone && !is_over_rate) {
    return RefuseWith(edge.refusal, edge.retry_after, edge.restriction);
  }
  if (MustPay(facts, is_over_rate || stress_.is_short(now))) {
    return RefuseWith(Refusal::kChallengeRequired, Duration(0));
  }
  if (is_over_rate) return RefuseWith(edge.refusal, edge.retry_after, edge.restriction);
  return {};
}

Door::Word Door::State::Decide(const ClientFeatures* sender, const RequestFacts& facts, Time now) {
  const Word limited = AnswerLimits(edge_->Check(facts, now), facts, now);
  if (limited.what == Word::kRefuse) return limited;
  if (IsGeneration(facts.route)) {
    if (stress_.is_quiet(now)) TryLikeness(sender, facts, now);
    if (stress_.is_short(now)) {
      const Word judged = JudgeCaller(sender, facts, now);
      if (judged.what == Word::kRefuse) return judged;
    }
  }
  switch (facts.route) {
    case Route::kPage:
      return {};
    case Route::kRegister:
      return AskRegistration(facts, now);
    case Route::kLogin:
      return AskPasswordGate(facts, now);
    case Route::kChat:
    case Route::kApi:
      break;
  }
  return AskAdmission(facts, now);
}

bool Door::State::MustPay(const RequestFacts& facts, bool is_pressed) const {
  const bool is_stranger = IsGeneration(facts.route) && facts.standing == Standing::kAnonymous;
  if (!is_stranger || facts.paid_challenge) return false;
  const StrangersPay pay = options_.strangers_pay;
  const bool pays_now = pay == StrangersPay::kWhenShort && facts.route == Route::kChat;
  return pay == StrangersPay::kAlways || (pays_now && is_pressed);
}

Door::Word Door::State::JudgeCaller(const ClientFeatures* sender, const RequestFacts& facts,
                                    Time now) {
  // Nothing is done about an account with history: a request is judged or tried, never both.
  if (!is_warm() || facts.standing == Standing::kHistory) return {};
  const ProposalPolicy& policy = options_.likeness;
  const auto score = scorer_.Suspect(clusters_, sender, facts, now, policy.challenge_log_odds);
  if (!score) return {};
  const auto proposal = Propose(*score, facts, policy);
  if (!proposal) return {};
  const bool is_challenge = proposal->action == RestrictionAction::kChallenge;
  if (enforces_likeness_ && edge_->restrictions().Impose(*proposal, now) == 0) return {};
  CountLikeness(proposal->rule, proposal->action);
  if (!enforces_likeness_) return {};
  const auto notice = RestrictionNotice::Of(*edge_->restrictions().Find(proposal->scope, now));
  return is_challenge ? RefuseWith(Refusal::kChallengeRequired, Duration(0), notice)
                      : RefuseWith(Refusal::kUnderAttack, proposal->term, notice);
}

void Door::State::TryLikeness(const ClientFeatures* sender, const RequestFacts& facts, Time now) {
  // A door that is not warm accuses nobody, so that trying it would say nothing.
  if (!is_warm() || facts.standing != Standing::kHistory || registration_.is_restricted()) return;
  if (edge_->restrictions().Find(facts.caller, facts.standing, now) != nullptr) return;
  RequestFacts unpaid = facts;
  unpaid.paid_challenge = false;
  const ProposalPolicy& policy = options_.likeness;
  const auto score = scorer_.Suspect(clusters_, sender, unpaid, now, policy.challenge_log_odds);
  const auto by_cluster = score ? Propose(*score, unpaid, policy) : std::nullopt;
  const auto by_connections = JudgeConnections(facts.caller);
  CountTrial({&by_cluster, &by_connections}, counters_.trial);
}

Door::Word Door::State::AskRegistration(const RequestFacts& facts, Time now) {
  const SignUpDecision decision = registration_.OnSignUp(facts, now);
  if (decision.refusal() == Refusal::kNone) {
    Word word = AskPasswordGate(facts, now);
    word.needs_mail = decision.needs_mail;
    word.on_probation = decision.on_probation;
    return word;
  }
  Word word = RefuseWith(decision.refusal(), decision.retry_after);
  word.challenge_bits = decision.challenge_bits;
  word.sign_up = decision.answer;
  return word;
}

Door::Word Door::State::AskAdmission(const RequestFacts& facts, Time now) {
  RequestFacts known = facts;
  known.is_regular = regulars_.Has(facts.caller.client());
  const Admission::Offer offer = admission_.Request(known, now);
  if (offer.what == Admission::Offer::kRefuse) {
    Word word = RefuseWith(offer.refusal, offer.retry_after);
    word.is_regular = known.is_regular;
    word.tokens_max = offer.tokens_max;
    return word;
  }
  const bool waits = offer.what == Admission::Offer::kWait;
  return {.what = waits ? Word::kWait : Word::kStart,
          .id = offer.id,
          .wait = offer.wait,
          .is_regular = known.is_regular,
          .tokens_max = offer.tokens_max};
}

Door::Word Door::State::AskPasswordGate(const RequestFacts& facts, Time now) {
  CHECK(!free_entrances_.empty());  // The gate holds fewer, and whoever it lets go leaves here.
  const std::uint32_t place = free_entrances_.back();
  const PasswordGate::Offer offer = passwords_.Request(place, facts, now);
  if (offer.what == PasswordGate::Offer::kRefuse) {
    return RefuseWith(offer.refusal, offer.retry_after);
  }
  free_entrances_.pop_back();
  ++generations_[place];
  const bool waits = offer.what == PasswordGate::Offer::kWait;
  return {.what = waits ? Word::kWait : Word::kStart, .id = EntranceId(place)};
}

Door::Word Door::State::RefuseWith(Refusal refusal, Duration retry_after,
                                   const RestrictionNotice& restriction) const {
  const bool is_challenge = refusal == Refusal::kChallengeRequired;
  return {.what = Word::kRefuse,
          .refusal = refusal,
          .retry_after = retry_after,
          .challenge_bits = is_challenge ? difficulty_.bits() : 0,
          .restriction = restriction};
}

void Door::State::CountLikeness(std::string_view rule, RestrictionAction action) {
  for (LikenessCount& count : counters_.likeness) {
    if (count.rule == rule && count.action == action) ++count.count;
  }
}

DoorId Door::State::EntranceId(std::uint32_t place) const {
  return static_cast<DoorId>(generations_[place]) << 32 | kEntranceBit | place;
}

Door::State::Guest& Door::State::GuestOf(DoorId id) {
  const auto place = static_cast<std::uint32_t>(id & (kEntranceBit - 1));
  return (id & kEntranceBit) != 0 ? entrances_[place] : answers_[place];
}

Door::State::Guest* Door::State::Find(DoorId id) {
  const std::size_t place = id & (kEntranceBit - 1);
  const std::size_t places = (id & kEntranceBit) != 0 ? entrances_.size() : answers_.size();
  Guest* guest = id != 0 && place < places ? &GuestOf(id) : nullptr;
  if (guest != nullptr && guest->id == id) return guest;
  ++counters_.events_ignored;
  return nullptr;
}

void Door::State::Enter(DoorId id, const RequestFacts& facts, Time now) {
  GuestOf(id) = {.id = id,
                 .caller = facts.caller,
                 .arrival = now,
                 .prompt_tokens = facts.prompt_tokens,
                 .route = facts.route};
}

Door::State::Guest Door::State::Leave(DoorId id) {
  Guest& guest = GuestOf(id);
  CHECK(guest.id == id);
  const Guest left = guest;
  guest = {};
  if ((id & kEntranceBit) != 0) {
    free_entrances_.push_back(static_cast<std::uint32_t>(id & (kEntranceBit - 1)));
  }
  return left;
}

void Door::State::Poll(Time now, std::vector<DoorId>& started, std::vector<Expired>& refused) {
  now = Advance(now);
  expired_.clear();
  admission_.Poll(now, started, expired_);
  for (const Admission::Expired& expired : expired_) {
    refused.push_back(Expire(expired.id, expired.refusal, expired.retry_after, now));
  }
  checked_.clear();
  unchecked_.clear();
  lost_.clear();
  passwords_.Poll(now, checked_, unchecked_, lost_);
  for (const std::uint32_t place : checked_) started.push_back(EntranceId(place));
  for (const PasswordGate::Expired& expired : unchecked_) {
    refused.push_back(
        Expire(EntranceId(expired.id), Refusal::kQueueFull, expired.retry_after, now));
  }
  // Whoever waits for such a check learns its end when it comes, late; only its place is given up.
  for (const std::uint32_t place : lost_) Leave(EntranceId(place));
  counters_.checks_lost += lost_.size();
}

Door::Expired Door::State::Expire(DoorId id, Refusal refusal, Duration retry_after, Time now) {
  const Guest guest = Leave(id);
  clusters_.OnOutcome({.time = now,
                       .arrival = guest.arrival,
                       .caller = guest.caller,
                       .route = guest.route,
                       .ending = Ending::kRefused,
                       .refusal = refusal,
                       .prompt_tokens = guest.prompt_tokens});
  return {.id = id, .refusal = refusal, .retry_after = retry_after};
}

Time Door::State::NextTime() const {
  const Time next = std::min(admission_.NextTime(), passwords_.NextTime());
  // Restricted registrations open again by time alone.
  return registration_.is_restricted() ? std::min(next, looked_ + kLookSpan) : next;
}

std::optional<ExpectedWait> Door::State::Wait(DoorId id, Time now) const {
  if ((id & kEntranceBit) != 0) return std::nullopt;
  const ExpectedWait wait = admission_.Wait(id, std::max(now, now_));
  return wait.place == 0 ? std::nullopt : std::optional(wait);
}

void Door::State::OnFirstToken(DoorId id, Time now) {
  now = Advance(now);
  if (Find(id) == nullptr) return;
  const bool is_answer = (id & kEntranceBit) == 0;
  if (!is_answer || !admission_.OnFirstToken(id, now)) ++counters_.events_ignored;
}

void Door::State::End(DoorId id, const OutcomeFacts& told) {
  if (id == 0) return;
  const Time now = Advance(told.time);
  if (Find(id) == nullptr) return;
  const Guest guest = Leave(id);
  OutcomeFacts outcome = told;
  outcome.time = now;
  outcome.arrival = guest.arrival;
  outcome.caller = guest.caller;
  outcome.route = guest.route;
  if (outcome.prompt_tokens == 0) outcome.prompt_tokens = guest.prompt_tokens;
  clusters_.OnOutcome(outcome);
  if ((id & kEntranceBit) != 0) {
    passwords_.OnEnd(static_cast<std::uint32_t>(id & (kEntranceBit - 1)), outcome);
    return;
  }
  if (outcome.ending == Ending::kServed) {
    passwords_.Remember(outcome.caller, now);  // An account's session: it is logged in here.
    regulars_.Note(outcome.caller.client(), !stress_.is_uncrowded(now), now);
  }
  admission_.OnFinish(id, outcome.output_tokens, outcome.ending, now);
}

void Door::State::OnConnection(const ConnectionFacts& told) {
  ConnectionFacts facts = told;
  facts.time = Advance(told.time);
  clusters_.OnConnection(facts);
  const auto proposal = JudgeConnections(facts.caller);
  if (!proposal) return;
  CountLikeness(proposal->rule, proposal->action);
  if (enforces_likeness_) edge_->OnHeedless(*proposal, facts.time);
}

std::optional<RestrictionProposal> Door::State::JudgeConnections(const Caller& caller) const {
  return is_warm() ? ProposeForConnections(clusters_, caller, options_.likeness) : std::nullopt;
}

void Door::State::OnEngineReport(const EngineReport& report, Time now) {
  now = Advance(now);
  admission_.OnEngineReport(report, now);
  Look(now);
}

void Door::State::SetLimits(const EdgeLimits& limits) {
  edge_ = std::make_unique<EdgeLimiter>(limits, options_.seed);
}

DoorCounters Door::State::counters() const {
  DoorCounters counters = counters_;
  counters.admission = admission_.counters();
  counters.rung = admission_.rung();
  counters.rung_since = admission_.rung_since();
  const bool shortens = counters.rung >= Rung::kShorterAnswers;
  counters.answer_tokens_max = shortens ? options_.admission.short_answer_tokens : 0;
  counters.is_short = stress_.is_short(now_);
  counters.is_learning = clusters_.is_learning();
  counters.is_warm = is_warm();
  counters.is_registration_restricted = registration_.is_restricted();
  counters.registration_rung = registration_.rung();
  counters.challenge_bits = std::max(difficulty_.bits(), registration_.challenge_bits());
  counters.entrances_waiting = static_cast<std::uint32_t>(passwords_.waiting());
  counters.enforces_likeness = enforces_likeness_;
  counters.restrictions = static_cast<std::uint32_t>(edge_->restrictions().size());
  return counters;
}

Door::Door(const DoorOptions& options) : state_(std::make_unique<State>(options)) {}
Door::~Door() = default;
Door::Door(Door&&) noexcept = default;
Door& Door::operator=(Door&&) noexcept = default;

Result<Door> Door::Restore(const DoorOptions& options, std::string_view state, Time now) {
  Door door(options);
  TRY(door.state_->Load(state, now));
  return door;
}
void Door::Save(std::size_t part, std::string& state) const {
  CHECK(part < kStateParts);
  state_->Save({part, kStateParts}, state);
}
void Door::Remember(const Caller& caller, Time now) { state_->Remember(caller, now); }
Door::Word Door::Connect(const Caller& caller, bool is_encrypted, Time now) {
  return state_->Connect(caller, is_encrypted, now);
}
Door::Word Door::Edge(const Caller& caller, Time now) { return state_->Edge(caller, now); }
std::optional<Door::Word> Door::AdmitHead(const RequestFacts& head, Time now) {
  return state_->AdmitHead(head, now);
}
Door::Word Door::Admit(const RequestFacts& facts, Time now) { return state_->Admit(facts, now); }
void Door::Poll(Time now, std::vector<DoorId>& started, std::vector<Expired>& refused) {
  state_->Poll(now, started, refused);
}
Time Door::NextTime() const { return state_->NextTime(); }
std::optional<ExpectedWait> Door::Wait(DoorId id, Time now) const { return state_->Wait(id, now); }
void Door::OnFirstToken(DoorId id, Time now) { state_->OnFirstToken(id, now); }
void Door::End(DoorId id, const OutcomeFacts& outcome) { state_->End(id, outcome); }
void Door::OnConnection(const ConnectionFacts& facts) { state_->OnConnection(facts); }
void Door::OnEngineReport(const EngineReport& report, Time now) {
  state_->OnEngineReport(report, now);
}
void Door::SetEnforcesLikeness(bool enforces) { state_->SetEnforcesLikeness(enforces); }
void Door::SetLimits(const EdgeLimits& limits) { state_->SetLimits(limits); }
Restrictions& Door::restrictions() { return state_->restrictions(); }
void Door::DrainRegistrationChanges(std::vector<RegistrationChange>& out) {
  state_->registration().DrainChanges(out);
}
DoorCounters Door::counters() const { return state_->counters(); }
Rung Door::rung() const { return state_->rung(); }

}  // namespace holdfast::guard
