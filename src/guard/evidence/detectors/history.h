// History: an account with days of ordinary use.
// Evidence: -2.
// Fails when: the account is stolen.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double HasHistory(const ClientView& view) {
  return view.client.standing == Standing::kHistory ? -2 : 0;
}

}  // namespace holdfast::guard
