// History: an account with days of ordinary use.
//
// Evidence: -2; -1 where neither the account nor its network was seen here before.
//
// Fails when: the account is stolen or bought.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double HasHistory(const ClientView& view) {
  if (view.client.standing != Standing::kHistory) return 0;
  return view.client.Has(Trait::kNewcomer) ? -1 : -2;
}

}  // namespace holdfast::guard
