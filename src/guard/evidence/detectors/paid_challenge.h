// Paid a challenge: it spent a proof of work.
//
// Evidence: -1: the work prices access and proves no identity.
//
// Fails when: native solvers pay a tenth of what a browser pays.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double PaidChallenge(const ClientView& view) { return view.client.paid_challenge ? -1 : 0; }

}  // namespace holdfast::guard
