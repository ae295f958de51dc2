// Password stuffing: names and passwords of other places tried one after the other.
//
// Evidence: wrong passwords among the client's log-ins, at the rate ordinary here against 97 %. One
// guess a source shows only in its group (low_rate_swarm.h).
//
// Fails when: a person has forgotten the password and tries five (counted as four log-ins at most);
// the list is good and most guesses are right.
#pragma once

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfGuessing(const Conduct& ordinary) {
  return Likelihood::Of(0.97, std::min(0.5, ordinary.guessed));
}

inline double PasswordStuffing(const ClientView& view) {
  return view.ordinary.guessed.Nats(view.client.guesses, view.client.log_ins, 4);
}

}  // namespace holdfast::guard
