// LockStep: do sign-ups that share a name (a fingerprint, a form, a prefix) come in lock-step?
// Compares what came of late beyond the expected with what is ordinary for that name. One object
// per kind of name; single-threaded.
//
//   evidence = ln((share among the surplus + e) / (ordinary share + e)),     e = 0.003
//
// of the name itself and, if it was never seen on ordinary days, of all such strangers together, so
// that a name made up for each sign-up does not help; the stronger counts.
//
// A name that makes up the surplus but not ordinary days speaks for machines; a name common on
// ordinary days and absent from the surplus speaks for a person. Less than `count_min` of late is
// no evidence against anybody, and without experience of ordinary days nothing is evidence. Shares
// come from two Space-Saving sketches of `names_max` counters (heavy_hitters.h), the recent one
// with a half-life of seconds, the ordinary one with one of hours. Full: rare names are forgotten,
// and their guaranteed counts are too small, which errs on the side of no evidence. O(log
// names_max) an event.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guard/clock.h"
#include "guard/limits/heavy_hitters.h"

namespace holdfast::guard {

struct LockStepOptions {
  std::size_t names_max = 256;
  double count_min = 5;
  Duration recent_half_life = std::chrono::seconds(20);
  Duration ordinary_half_life = std::chrono::hours(6);
};

class LockStep {
 public:
  explicit LockStep(const LockStepOptions& options = {});

  // `expected`: ordinary sign-ups a second. To be called before Add and Evidence.
  void Advance(double expected, Time now);
  // `is_ordinary`: on an ordinary day, by an ordinary person, as far as can be told.
  void Add(std::uint64_t name, bool is_ordinary);
  // In about [-5.8, 5.8]; 0 without a name.
  double Evidence(std::uint64_t name) const;
  std::size_t state_bytes() const { return recent_.state_bytes() + ordinary_.state_bytes(); }

 private:
  struct Counts {
    double recent = 0;
    double ordinary = 0;
  };

  bool IsStranger(std::uint64_t name) const;
  double Compare(const Counts& counts) const;

  LockStepOptions options_;
  HeavyHitters recent_;
  HeavyHitters ordinary_;
  Counts strangers_;     // Names that were strangers when they came.
  double expected_ = 0;  // Of the recent total.
  Time time_ = Time::min();
};

}  // namespace holdfast::guard
