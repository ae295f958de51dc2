// Simulate: a service under load in virtual time: callers, front door with the real guard, engine.
// A pure function of its scenario: single-threaded, no clock, no files; different scenarios may run
// on different threads. docs/decisions/0006-drill-simulator.md says what it leaves out.
#pragma once

#include <vector>

#include "drill/observer.h"
#include "drill/result.h"
#include "drill/scenario.h"

namespace holdfast::drill {

// `observer` may be null.
SimulationResult Simulate(const Scenario& scenario, Observer* observer = nullptr);

// The share of honest wishes to keep in each kThinningWindow so that their cost stays within
// provisioned_cost_per_s: measured in a run without hostile callers and faults.
std::vector<float> MeasureDemand(const Scenario& scenario);

// The scenario as it would have been with only these causes, its `keep` set where demand is absent.
// The truth about a share is the loss in Simulate() of these: same seed, same callers.
Scenario Counterfactual(const Scenario& scenario, const Causes& causes);

}  // namespace holdfast::drill
