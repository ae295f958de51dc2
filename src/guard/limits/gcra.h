// Gcra: the generic cell rate algorithm (ITU-T I.371): a rate limit whose whole state is one time.
//
// TAT, the theoretical arrival time, is when everything admitted so far is paid for at `rate`. A
// request conforms when TAT - now <= (burst - 1) / rate, and then moves TAT to max(TAT, now) +
// 1 / rate; one that does not conform changes nothing. So in any window of w seconds at most
// burst + w * rate requests pass, and a TAT in the past says nothing that an absent one does not:
// whoever has paid can be forgotten without loss (rate_table.h lives on that).
//
// Two additions and a comparison. Value type; pure.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "guard/clock.h"

namespace holdfast::guard {

struct RateLimit {
  double rate = 1;   // Requests a second in the long run; 1e-6 to 1e4.
  double burst = 1;  // Requests at once after a rest; 1 to 1e6.
};

class Gcra {
 public:
  Gcra() : Gcra(RateLimit{}) {}
  // The interval is rounded up to whole microseconds: never above the rate, at most 1 % below.
  explicit Gcra(RateLimit limit)
      : interval_(static_cast<Duration::rep>(std::ceil(1e6 / limit.rate - 1e-6))) {
    CHECK(limit.rate >= 1e-6 && limit.rate <= 1e4 && limit.burst >= 1 && limit.burst <= 1e6);
    tolerance_ = FromSeconds((limit.burst - 1) * ToSeconds(interval_));
  }

  // How long until a request conforms; 0: now.
  Duration Wait(Time tat, Time now) const {
    return tat <= now ? Duration(0) : std::max(Duration(0), tat - now - tolerance_);
  }
  // TAT after a request that conforms.
  Time Charge(Time tat, Time now) const { return std::max(tat, now) + interval_; }

  Duration interval() const { return interval_; }
  Duration tolerance() const { return tolerance_; }

 private:
  Duration interval_;
  Duration tolerance_;
};

}  // namespace holdfast::guard
