// WaitEstimator: how fast the engine takes work on, and so how long a request will wait.
// Single-threaded, bounded, a few nanoseconds an event.
//
//   wait = correction[c] * min( (above + ahead + overtaking + next) / (R - arriving - given),
//                               (ahead + overtaking + next + earn) / (share[c] R)           )
//
// all in predicted weighted tokens: `above` waits in classes above c, `ahead` in c before it;
// `next` is one mean request, for the place that must come free; `earn` what the class must be
// credited with for the request itself. R is the rate at which the engine takes work on while
// somebody waits; `arriving` what classes above will take of it, `given` what classes below are
// guaranteed. Predicted cost stands on both sides, so a bias of the prediction cancels. The wait
// estimator with queue position over throughput is QLM's (SoCC 2024).
//
// `overtaking` will come and have smaller tags: while virtual time has yet to reach the request's
// tag, all that arrives in c (as fast as of late, but no faster than is served: more is refused).
// After that only next requests of clients that wait already, which stand where their client's
// last one ends: as much of what arrives as has been so of late, falling to none when the request
// is first in line, so half of that on average.
//
// R is a mean over the last kSlow seconds of backlog, replaced by that of the last kFast once the
// two differ by more than chance (4.5 sigma of a Poisson process), so that a change of capacity is
// believed within seconds and noise is not. Starts that fill the engine up, and the time they take,
// do not count. With too little backlog seen, Little's law helps: cost of the answers being written
// over the mean time that takes, which is predicted output times interval between tokens (answers
// that have ended are the short ones, at first). What waits in the engine does not count, as long
// as anything is written. correction[c] is the sum of late waits over the sum of their estimates
// (of sums, since the logarithm of one short wait leans down; of estimates before correction, so
// that it does not chase itself), and small.
//
// How good it can be: with N places ahead, starts that are as random as a Poisson process leave a
// relative error of 1/sqrt(N), so nine in ten waits are within 20 % from about 70 places on. Where
// starts come by a clock (Pacer), the wait is
//
//   time until the next start + the same / (rate of the clock / R), without `next`
//
// and what is left is overtaking, and how the rate is steered: short waits can be told, too.
#pragma once

#include <algorithm>
#include <array>

#include "guard/clock.h"
#include "guard/overload/service_class.h"

namespace holdfast::guard {

class WaitEstimator {
 public:
  struct Line {  // What a request has before it.
    double above = 0;
    double ahead = 0;
    double tag_lead = 0;        // Its tag less the virtual time of its class, at least 0.
    double behind = 0;          // If that is below 0: as a share of the way to the smallest tag.
    std::uint32_t clients = 0;  // Waiting in its class.
    std::uint32_t places = 0;   // Requests before it, those above included.
    double given = 0;           // Shares guaranteed to classes below in which somebody waits.
    double share = 0;           // Guaranteed to its own,
    double to_earn = 0;         // and what that must earn for itself, less what it has.
    double until_next = -1;     // Seconds until the next start; negative: at random.
    double factor = 1;          // Of the rate over the capacity, if not at random.
  };
  struct Estimate {  // Seconds.
    double expected = 0;
    double low = 0;
    double high = 0;
    double uncorrected = 0;
  };

  // To be told before each event: the time, and whether somebody has waited since the last. True
  // about twenty times a second, when the sums have decayed.
  bool Advance(Time now, bool is_backlogged);

  // Started at once or queued; `overtakes`: with a tag behind virtual time.
  void OnAdmitted(ServiceClass service_class, double cost, bool overtakes);
  void OnStart(double cost, std::uint32_t predicted_output, bool has_waited);
  void OnFirstToken(double cost, std::uint32_t predicted_output);
  // `token_interval`: mean over the answer; 0: not known.
  void OnFinish(double cost, std::uint32_t predicted_output, bool had_first_token,
                Duration token_interval);
  // Wants an answer for the first time.
  void OnDemand(double cost) { demand_ += cost; }
  // Wants an answer, for the first time or again.
  void OnAsked(double cost) { asked_ += cost; }
  // A wait with `places` before it has ended in a start after `real` seconds.
  void OnWaited(ServiceClass service_class, const Estimate& first, double real,
                std::uint32_t places);
  void ScaleCapacity(double factor);

  Estimate Wait(ServiceClass service_class, const Line& line) const;
  // Demand over capacity; 0 while nobody has waited long enough to show capacity.
  double pressure() const { return OverCapacity(demand_); }
  // The same of all that is asked: an attack that is told to come later and does not heed it.
  double crowding() const { return OverCapacity(asked_); }
  // Weighted tokens a second; all of it, and what is left for a class.
  double capacity() const;
  double CapacityFor(ServiceClass service_class, double given, double share) const;
  // Of the capacity, that a class was let in for of late; at most 1.
  double ShareOf(ServiceClass service_class) const;

 private:
  struct Backlog {  // Decayed sums over time in which somebody waited.
    double cost = 0;
    double starts = 0;
    double seconds = 0;

    void Decay(double factor) {
      cost *= factor;
      starts *= factor;
      seconds *= factor;
    }
  };
  struct Work {  // Of answers in the engine.
    double count = 0;
    double cost = 0;
    double output = 0;  // Predicted tokens.

    void Add(double its_cost, double its_output) {
      count += 1;
      cost += its_cost;
      output += its_output;
    }
    void Remove(double its_cost, double its_output) {
      count -= 1;
      cost = count > 0 ? std::max(cost - its_cost, 0.0) : 0;
      output = count > 0 ? std::max(output - its_output, 0.0) : 0;
    }
  };
  struct Correction {
    double real = 1;  // Decayed means in seconds, of waits and of their uncorrected estimates.
    double uncorrected = 1;
    double variance = 0.04;  // Of the log of real over estimated.

    double factor() const;
  };

  void Tick(double ticks);
  void BelieveChange();
  double CapacityByLittle() const;
  double in_flight() const { return before_first_token_.count + being_written_.count; }

  Time now_{};
  Time tick_{};
  Backlog slow_;
  Backlog fast_;
  std::array<double, kServiceClassCount> arriving_{};    // Decayed sums of admitted cost,
  std::array<double, kServiceClassCount> overtaking_{};  // and of what of it overtook.
  std::array<Correction, kServiceClassCount> corrections_{};
  double OverCapacity(double decayed_sum) const;

  double demand_ = 0;  // Decayed sums.
  double asked_ = 0;
  Work before_first_token_;
  Work being_written_;
  double token_interval_ = 0;  // Seconds; 0: none seen.
  double cost_mean_ = 0;
  Time filled_{};              // Last start that raised in_flight_high_.
  double in_flight_high_ = 0;  // Starts that raise it fill the engine, they do not show its rate.
};

}  // namespace holdfast::guard
