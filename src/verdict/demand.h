// Demand: how much of what honest callers wanted, in each window of time, is within the provision,
// and what share of all that came was hostile. Immutable once measured; thread-compatible.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "verdict/logical_requests.h"
#include "verdict/provision.h"
#include "verdict/words.h"

namespace holdfast::verdict {

class Demand {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);  // From multiples of it.

  // Of the requests that first arrive in [from, to). `is_hostile`: by client. `arrivals`: when each
  // honest request came in a replay, which may be later, or never (Time::max()); empty: as
  // observed.
  Demand(const LogicalRequests& requests, std::span<const std::uint8_t> is_hostile,
         const Provision& provision, const AdmissionOptions& options, Time from, Time to,
         std::span<const Time> arrivals = {});

  // The share of honest requests of that time that the provision covers; 1: all. Windows are only
  // thinned when one of them is, with its neighbours, above the provision by more than its scatter:
  // then demand had grown, and it was too much in every window that is above.
  double KeptShare(Time time) const { return At(time).kept_share; }
  double HostileShare(Time time) const { return At(time).hostile_share; }  // Of requests.
  bool has_excess() const { return has_excess_; }

  // Whether the provision covers this honest request, should it first come at `arrival`.
  bool IsKept(const LogicalRequest& request, Time arrival) const;

 private:
  struct Window {
    double kept_share = 1;
    double hostile_share = 0;
    double cost = 0;         // Of honest requests,
    double square_cost = 0;  // and the sum of its squares.
    double provided = 0;     // 0: nothing is known of it.
    double honest = 0;
    double hostile = 0;

    bool IsFull() const { return provided > 0 && cost > provided; }
  };
  const Window& At(Time time) const;
  bool IsAbove(std::size_t index) const;
  std::size_t IndexOf(Time time) const;

  std::int64_t first_ = 0;
  std::vector<Window> windows_;  // At least one.
  bool has_excess_ = false;
};

}  // namespace holdfast::verdict
