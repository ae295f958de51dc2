// TestService: a service in virtual time for tests of the verdict: callers with a script, the real
// admission, the engine's model, and a journal. Written apart from Replay, so that the two can be
// compared. Test code only.
#pragma once

#include <cstdint>
#include <map>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/mix.h"
#include "base/random.h"
#include "verdict/engine/engine_model.h"
#include "verdict/verdict.h"

namespace holdfast::verdict::test {

struct Script {
  Time arrival{};
  std::uint64_t client = 0;
  std::uint64_t group = 0;
  std::uint64_t payload = 0;
  std::uint32_t prompt_tokens = 500;
  std::uint32_t output_tokens = 150;
  Standing standing = Standing::kHistory;
  bool is_hostile = false;
  bool is_extra = false;  // Demand beyond the provision.
};

struct Fault {
  Time from{};
  Time to{};
  double share = 1;
};

struct Service {
  AdmissionOptions admission{};
  EngineProfile engine{};
  std::vector<Script> scripts{};
  std::vector<Fault> faults{};
  std::uint64_t seed = 1;
  Time count_from{};
  Time count_to{};

  static constexpr int kRetries = 2;

  // Runs the world with these causes; `records` (may be null) gets the journal. Returns the honest
  // scripts lost.
  double Run(CausePresence presence, std::vector<JournalRecord>* records) const;

  CapacityTrace Trace() const {
    CapacityTrace trace;
    for (const Fault& fault : faults) {
      trace.steps.push_back({.time = fault.from, .engine_share = fault.share});
      trace.steps.push_back({.time = fault.to});
    }
    return trace;
  }

  CauseShares TrueShares() const {
    WorldLosses losses{};
    for (int world = 0; world < kWorldCount; ++world) {
      losses[static_cast<std::size_t>(world)] = Run(CausePresence::Of(world), nullptr);
    }
    return ShapleyShares(losses);
  }
};

// Poisson arrivals at `per_s` in [from, to) from `clients` clients.
inline void AddArrivals(Service& service, double per_s, Time from, Time to, int clients,
                        const Script& like, std::uint64_t seed) {
  Random random(seed);
  for (double at = ToSeconds(from);;) {
    at += -std::log(1 - random.Uniform()) / per_s;
    if (AtSeconds(at) >= to) break;
    Script script = like;
    script.arrival = AtSeconds(at);
    script.client = like.client + random.Next() % static_cast<std::uint64_t>(clients);
    script.payload = random.Next();
    script.prompt_tokens =
        static_cast<std::uint32_t>(like.prompt_tokens * (0.5 + random.Uniform()));
    script.output_tokens =
        static_cast<std::uint32_t>(like.output_tokens * (0.5 + random.Uniform()));
    service.scripts.push_back(script);
  }
}

class ServiceRun {
 public:
  ServiceRun(const Service& service, CausePresence presence, std::vector<JournalRecord>* records)
      : service_(service),
        presence_(presence),
        records_(records),
        admission_(service.admission),
        engine_(service.engine),
        wishes_(service.scripts.size()) {
    for (std::uint32_t i = 0; i < wishes_.size(); ++i) {
      const Script& script = service.scripts[i];
      if (script.is_hostile ? !presence.hostile : script.is_extra && !presence.demand) continue;
      Push(script.arrival, 0, i);
    }
    if (!presence.lost_capacity) return;
    for (std::uint32_t i = 0; i < service.faults.size(); ++i) {
      Push(service.faults[i].from, 2, i);
      Push(service.faults[i].to, 3, i);
    }
  }

  double Finish() {
    Time report{};
    for (;;) {
      Time now = std::min(engine_.NextEvent(), admission_.NextTime());
      if (!queue_.empty()) now = std::min(now, queue_.top().time);
      if (now == Time::max()) break;
      now_ = std::max(now_, now);
      events_.clear();
      engine_.Advance(now_, events_);
      for (const auto& event : events_) OnEngine(event);
      if (now_ >= report) {
        admission_.OnEngineReport({.running = engine_.running(), .waiting = engine_.waiting()},
                                  now_);
        report = now_ + std::chrono::milliseconds(250);
      }
      while (!queue_.empty() && queue_.top().time <= now_) {
        const Item item = queue_.top();
        queue_.pop();
        if (item.what == 0) Ask(item.index);
        if (item.what == 2) engine_.SetCapacity(service_.faults[item.index].share, now_);
        if (item.what == 3) engine_.SetCapacity(1, now_);
      }
      std::vector<TicketId> started;
      std::vector<Admission::Expired> expired;
      admission_.Poll(now_, started, expired);
      for (const auto& e : expired) {
        const std::uint32_t index = tickets_.at(e.id);
        wishes_[index].ticket = 0;
        End(index, Ending::kRefused, e.refusal, e.retry_after);
      }
      for (const TicketId id : started) Start(tickets_.at(id));
    }
    return Lost();
  }

 private:
  struct Wish {
    Time arrival{};
    Time first_token{};
    TicketId ticket = 0;
    int attempt = 0;
    bool is_good = false;
    bool is_asked = false;
  };
  struct Item {
    Time time{};
    std::uint64_t serial = 0;
    int what = 0;
    std::uint32_t index = 0;
    bool operator<(const Item& other) const {
      return time != other.time ? time > other.time : serial > other.serial;
    }
  };

  void Push(Time time, int what, std::uint32_t index) {
    queue_.push({time, ++serial_, what, index});
  }

  RequestFacts Facts(std::uint32_t index) const {
    const Script& script = service_.scripts[index];
    return {.time = wishes_[index].arrival,
            .caller = {.account = script.client, .fingerprint = script.group},
            .payload = script.payload,
            .prompt_tokens = script.prompt_tokens,
            .route = Route::kApi,
            .standing = script.standing,
            .attempt = static_cast<std::uint8_t>(wishes_[index].attempt)};
  }

  void Ask(std::uint32_t index) {
    Wish& wish = wishes_[index];
    wish.is_asked = true;
    wish.arrival = now_;
    wish.first_token = Time{};
    const auto offer = admission_.Request(Facts(index), now_);
    if (offer.what == Admission::Offer::kRefuse) {
      End(index, Ending::kRefused, offer.refusal, offer.retry_after);
      return;
    }
    wish.ticket = offer.id;
    tickets_[offer.id] = index;
    if (offer.what == Admission::Offer::kStart) Start(index);
  }

  void Start(std::uint32_t index) {
    const Script& script = service_.scripts[index];
    engine_.Submit(index, script.prompt_tokens, script.output_tokens, now_);
  }

  void OnEngine(const EngineModel::Event& event) {
    Wish& wish = wishes_[event.slot];
    if (event.what == EngineModel::Event::kFirstToken) {
      wish.first_token = event.time;
      admission_.OnFirstToken(wish.ticket, event.time);
      return;
    }
    admission_.OnFinish(wish.ticket, service_.scripts[event.slot].output_tokens, Ending::kServed,
                        event.time);
    wish.ticket = 0;
    End(event.slot, Ending::kServed, Refusal::kNone, Duration{0});
  }

  void End(std::uint32_t index, Ending ending, Refusal refusal, Duration retry_after) {
    Wish& wish = wishes_[index];
    const Script& script = service_.scripts[index];
    OutcomeFacts outcome{.time = now_,
                         .arrival = wish.arrival,
                         .caller = {},
                         .ending = ending,
                         .refusal = refusal,
                         .prompt_tokens = script.prompt_tokens};
    if (ending == Ending::kServed) {
      outcome.output_tokens = script.output_tokens;
      outcome.first_token = wish.first_token - wish.arrival;
      outcome.token_interval = (now_ - wish.first_token) / std::max(script.output_tokens - 1, 1U);
      wish.is_good =
          wish.first_token - script.arrival <= service_.admission.level.first_token_max &&
          outcome.token_interval <= service_.admission.level.token_interval_max;
    }
    if (records_ != nullptr) records_->push_back(MakeRecord(Facts(index), outcome, retry_after));
    if (ending == Ending::kServed || wish.attempt >= Service::kRetries) return;
    const double jitter =
        0.75 + 0.25 * static_cast<double>(Mix64(script.payload, 9) >> 11) * 0x1p-53;
    Duration delay = FromSeconds(0.5 * std::pow(2, wish.attempt) * jitter);
    if (retry_after.count() > 0 && retry_after <= std::chrono::seconds(60)) delay = retry_after;
    ++wish.attempt;
    Push(now_ + delay, 0, index);
  }

  double Lost() const {
    double lost = 0;
    for (std::size_t i = 0; i < wishes_.size(); ++i) {
      const Script& script = service_.scripts[i];
      if (script.is_hostile || !wishes_[i].is_asked || wishes_[i].is_good) continue;
      if (script.arrival >= service_.count_from && script.arrival < service_.count_to) ++lost;
    }
    return lost;
  }

  const Service& service_;
  CausePresence presence_;
  std::vector<JournalRecord>* records_;
  Admission admission_;
  EngineModel engine_;
  std::vector<Wish> wishes_;
  std::priority_queue<Item> queue_;
  std::unordered_map<TicketId, std::uint32_t> tickets_;
  std::vector<EngineModel::Event> events_;
  std::uint64_t serial_ = 0;
  Time now_{};
};

inline double Service::Run(CausePresence presence, std::vector<JournalRecord>* records) const {
  const double lost = ServiceRun(*this, presence, records).Finish();
  if (records != nullptr) std::ranges::stable_sort(*records, {}, &JournalRecord::arrival);
  return lost;
}

}  // namespace holdfast::verdict::test
