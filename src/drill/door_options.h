// The guard's settings in a scenario: the same for the door of a simulation and for whoever judges
// what happened there.
#pragma once

#include "drill/scenario.h"
#include "guard/overload/admission.h"

namespace holdfast::drill {

inline guard::AdmissionOptions NominalAdmission(const Scenario& scenario) {
  guard::AdmissionOptions options;
  options.level = scenario.level;
  return options;
}

}  // namespace holdfast::drill
