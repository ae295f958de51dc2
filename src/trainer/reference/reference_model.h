// ReferenceModel: the training objective of the whole architecture in plain loops of doubles, from
// the same flat weights. What the fast passes are checked against: values directly, gradients by
// finite differences. Single-threaded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/parameters.h"
#include "trainer/token_source.h"
#include "trainer/train_step.h"

namespace holdfast::trainer::reference {

struct Objective {
  double loss = 0;      // Mean over targets, z-loss not included.
  double mtp_loss = 0;  // Mean over its targets.
  double balance_loss = 0;
  double z_loss = 0;  // Mean of log_sum^2, weighted.

  double Total(const StepOptions& options) const {
    return (options.mtp_only ? 0.0 : loss + z_loss) + options.mtp_weight * mtp_loss + balance_loss;
  }
};

Objective Evaluate(const ParameterLayout& layout, std::span<const double> weights,
                   std::span<const float> router_bias, const PackedBatch& batch,
                   const StepOptions& options);

}  // namespace holdfast::trainer::reference
