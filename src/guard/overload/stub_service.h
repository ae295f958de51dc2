// For tests: callers that arrive at random, a StubEngine, and Admission between them, or what
// offers the same calls (Front). Deterministic for a seed. Single-threaded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <queue>
#include <utility>
#include <vector>

#include "base/random.h"
#include "guard/overload/admission.h"
#include "guard/overload/stub_engine.h"
#include "guard/overload/stub_scenario.h"

namespace holdfast::guard {

template <typename Front>
class BasicStubService {
 public:
  explicit BasicStubService(const StubScenario& scenario)
      : scenario_(scenario),
        engine_(scenario.engine),
        admission_(scenario.options),
        random_(scenario.seed) {
    result_.crowds.resize(scenario.crowds.size());
  }

  StubResult Run() {
    for (std::size_t i = 0; i < scenario_.crowds.size(); ++i) {
      Push(scenario_.crowds[i].start_s, Kind::kArrival, i);
    }
    Push(0, Kind::kTick, 0);
    while (!events_.empty() && events_.top().time <= scenario_.seconds) {
      if (const double due = ToSeconds(admission_.NextTime()); due < events_.top().time) {
        seconds_ = std::max(seconds_, due) + 1e-6;
        Poll();
        continue;
      }
      const Event event = events_.top();
      events_.pop();
      seconds_ = std::max(seconds_, event.time);
      switch (event.kind) {
        case Kind::kArrival:
          Arrive(event.index);
          break;
        case Kind::kRetry:
          Ask(event.index);
          break;
        case Kind::kStep:
          EndStep();
          break;
        case Kind::kTick:
          Tick();
          break;
      }
      Poll();
    }
    result_.counters = admission_.counters();
    result_.rung = admission_.rung();
    return std::move(result_);
  }

 private:
  // Not what AdmissionOptions::bytes_per_token takes it for.
  static constexpr std::uint32_t kBytesPerToken = 3;

  enum class Kind { kArrival, kRetry, kStep, kTick };
  struct Event {
    double time = 0;
    std::uint64_t order = 0;
    Kind kind = Kind::kTick;
    std::size_t index = 0;
    bool operator<(const Event& other) const {
      return time > other.time || (time == other.time && order > other.order);
    }
  };
  struct Job {
    std::size_t crowd = 0;
    RequestFacts facts;
    std::uint32_t prompt = 0;
    std::uint32_t output = 0;
    double arrival = 0;  // Of the last attempt.
    double first_token = 0;
    ExpectedWait wait;
    bool is_measured = false;
    bool is_told = false;
    int tries = 0;
  };

  Time now() const { return AtSeconds(seconds_); }
  void Push(double time, Kind kind, std::size_t index) {
    events_.push({time, order_++, kind, index});
  }

  std::uint32_t Tokens(double mean, double sigma) {
    const double tokens = mean * std::exp(sigma * random_.Normal() - sigma * sigma / 2);
    return static_cast<std::uint32_t>(std::max(tokens, 1.0));
  }

  void Arrive(std::size_t index) {
    const StubCrowd& crowd = scenario_.crowds[index];
    const double next = seconds_ - std::log(1 - random_.Uniform()) / crowd.rate;
    if (next < crowd.end_s) Push(next, Kind::kArrival, index);
    Job job;
    job.crowd = index;
    job.output = Tokens(crowd.output_mean, crowd.sigma);
    job.facts.caller.account = crowd.first_client + random_.Next() % crowd.clients;
    job.prompt = Tokens(crowd.prompt_mean, crowd.sigma);
    if (scenario_.counts_tokens) job.facts.prompt_tokens = job.prompt;
    job.facts.prompt_bytes = job.prompt * kBytesPerToken;
    job.facts.standing = crowd.standing;
    job.facts.is_batch = crowd.is_batch;
    job.is_measured = seconds_ >= scenario_.measured_from_s;
    result_.crowds[index].people += job.is_measured;
    jobs_.push_back(job);
    Ask(jobs_.size() - 1);
  }

  void Ask(std::size_t index) {
    Job& job = jobs_[index];
    job.arrival = seconds_;
    job.facts.time = now();
    const Admission::Offer offer = admission_.Request(job.facts, now());
    if (job.is_told && job.is_measured) {
      ++result_.crowds[job.crowd].retries_told;
      result_.crowds[job.crowd].retries_told_met += offer.what != Admission::Offer::kRefuse;
    }
    if (offer.what == Admission::Offer::kRefuse) {
      ++result_.crowds[job.crowd].refusals[static_cast<std::size_t>(offer.refusal)];
      Refused(index, offer.retry_after);
      return;
    }
    by_slot_[static_cast<std::uint32_t>(offer.id)] = index;
    job.wait = offer.wait;
    if (offer.what == Admission::Offer::kStart) Start(offer.id);
  }

  void Refused(std::size_t index, Duration retry_after) {
    Job& job = jobs_[index];
    const StubCrowd& crowd = scenario_.crowds[job.crowd];
    if (job.tries++ < crowd.retries) {
      if (crowd.tells_attempt) ++job.facts.attempt;
      // Who is told the longest time is told of no place.
      job.is_told = crowd.is_patient && retry_after < scenario_.options.retry_after_max;
      Push(seconds_ + (crowd.is_patient ? ToSeconds(retry_after) : 0.01), Kind::kRetry, index);
    } else if (job.is_measured) {
      ++result_.crowds[job.crowd].refused;
    }
  }

  Job& JobOf(TicketId id) { return jobs_[by_slot_[static_cast<std::uint32_t>(id)]]; }

  void Start(TicketId id) {
    const Job& job = JobOf(id);
    engine_.Submit(id, job.prompt, job.output);
    if (!is_stepping_) BeginStep();
  }

  void BeginStep() {
    is_stepping_ = !engine_.is_idle();
    if (is_stepping_) Push(seconds_ + engine_.Step(step_events_), Kind::kStep, 0);
  }

  void EndStep() {
    for (const StubEngine::Event& event : step_events_) {
      Job& job = JobOf(event.id);
      if (event.is_first) {
        job.first_token = seconds_;
        admission_.OnFirstToken(event.id, now());
      }
      if (event.is_last) Finish(event.id, job);
    }
    step_events_.clear();
    Poll();
    BeginStep();
  }

  void Finish(TicketId id, const Job& job) {
    admission_.OnFinish(id, job.output, Ending::kServed, now());
    if (seconds_ < scenario_.measured_from_s) return;
    StubResult::Crowd& crowd = result_.crowds[job.crowd];
    OutcomeFacts outcome;
    outcome.first_token = FromSeconds(job.first_token - job.arrival);
    if (job.output > 1) {
      outcome.token_interval = FromSeconds((seconds_ - job.first_token) / (job.output - 1));
    }
    result_.first_tokens.push_back(job.first_token - job.arrival);
    result_.crowds[job.crowd].first_tokens.push_back(job.first_token - job.arrival);
    if (!scenario_.options.level.IsGood(outcome)) {
      ++crowd.late;
      return;
    }
    ++crowd.good;
    crowd.good_cost += job.prompt + 2.0 * job.output;
    result_.good_times.push_back(seconds_);
  }

  void Poll() {
    started_.clear();
    expired_.clear();
    admission_.Poll(now(), started_, expired_);
    for (const Admission::Expired& expired : expired_) {
      const std::size_t index = by_slot_[static_cast<std::uint32_t>(expired.id)];
      result_.crowds[jobs_[index].crowd].expired += jobs_[index].is_measured;
      Refused(index, expired.retry_after);
    }
    for (const TicketId id : started_) {
      Job& job = JobOf(id);
      if (job.is_measured) {
        result_.waits.push_back({seconds_, ToSeconds(job.wait.expected), seconds_ - job.arrival,
                                 ToSeconds(job.wait.low), ToSeconds(job.wait.high)});
      }
      Start(id);
    }
  }

  void Tick() {
    if (scenario_.fault) scenario_.fault(seconds_, engine_, report_);
    if (++ticks_ % 3 == 0 && scenario_.has_reports) {
      report_.running = engine_.running();
      report_.tokens_per_s = static_cast<double>(engine_.tokens() - tokens_) / 0.3;
      tokens_ = engine_.tokens();
      admission_.OnEngineReport(report_, now());
    }
    if (scenario_.watch) {
      scenario_.watch(seconds_, admission_.counters(), admission_.rung());
    }
    Push(seconds_ + 0.1, Kind::kTick, 0);
  }

  const StubScenario& scenario_;
  StubEngine engine_;
  Front admission_;
  Random random_;
  StubResult result_;
  EngineReport report_;
  double seconds_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Job> jobs_;
  std::map<std::uint32_t, std::size_t> by_slot_;
  std::vector<StubEngine::Event> step_events_;
  bool is_stepping_ = false;
  std::vector<TicketId> started_;
  std::vector<Admission::Expired> expired_;
  std::uint64_t ticks_ = 0;
  std::uint64_t tokens_ = 0;
};

using StubService = BasicStubService<Admission>;

}  // namespace holdfast::guard
