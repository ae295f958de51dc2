// Extraction: the model is copied by systematic questions (24,000 accounts in a case of 2026): many
// prompts of one length and make, each new, at an even pace.
//
// Evidence: from 20 prompts on, log of their number over 20, times how much of it is systematic:
// the prompts differ, their lengths do not, or their pace is even.
//
// Fails when: an honest evaluation or a batch of documents runs, which looks the same to the door;
// so it stays weak, and history outweighs it.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double Extraction(const ClientView& view) {
  const ClientFeatures& client = view.client;
  if (client.generations < 20) return 0;
  const double all = client.generations;
  const double new_prompts = client.prompts / all;
  const double same_lengths = 1 - client.prompt_changes / all;
  const double even_pace =
      std::clamp(1 - client.gaps.Deviation() / view.ordinary.gap_deviation, 0.0, 1.0);
  return std::min(4.0, 1 + std::log(all / 20)) * new_prompts * std::max(same_lengths, even_pace);
}

}  // namespace holdfast::guard
