// Provision: the honest demand that the service is built for: the forecast for the hour, or a
// configured target. Demand, as a cause of loss, is what comes beyond it. Value types.
#pragma once

#include <span>
#include <vector>

#include "verdict/journal.h"
#include "verdict/words.h"

namespace holdfast::verdict {

struct ProvisionedLevel {
  Time from{};
  // Weighted tokens (AdmissionOptions::weight_input, weight_output) of honest logical requests a
  // second; 0: not known, then no demand is excess.
  double cost_per_s = 0;

  bool operator==(const ProvisionedLevel&) const = default;
};

struct Provision {
  std::vector<ProvisionedLevel> levels;  // By time. The first is valid before it, too.

  ProvisionedLevel At(Time time) const;
};

// What came in a quiet time [from, to), as a forecast: the mean of its logical requests' cost.
ProvisionedLevel LearnLevel(std::span<const JournalRecord> records, Time from, Time to,
                            const AdmissionOptions& options);

}  // namespace holdfast::verdict
