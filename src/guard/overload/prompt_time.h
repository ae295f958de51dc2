// PromptTime: how long a prompt alone needs until its first token, learned from what is seen.
//
//   time(P) = a + b * P,  a, b >= 0
//
// by least squares that forget (over about kMemory samples) and lean down: a sample below the line
// weighs kLowWeight times one above it (expectile regression), since whatever else is in the engine
// only ever adds time. Feed it requests that were sent while no other prompt was before its first
// token: under steady congestion nothing else is learned, so the base line does not drift up with
// the queue it must show (the weakness of Vegas that Gradient2 and Envoy's minRTT windows work
// around), and when the base line itself is too low, the window shrinks until such requests come.
// Single-threaded.
#pragma once

#include <cstdint>

#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

class PromptTime {
 public:
  bool is_known() const { return weight_ > 0; }
  double seconds(std::uint32_t prompt_tokens) const { return base_ + per_token_ * prompt_tokens; }
  double mean_tokens() const { return weight_ > 0 ? sum_x_ / weight_ : 0; }  // Of those learned.
  void Learn(std::uint32_t prompt_tokens, double seconds);
  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);

 private:
  double base_ = 0;
  double per_token_ = 0;
  // Decayed sums over samples (x tokens, y seconds).
  double weight_ = 0;
  double sum_x_ = 0;
  double sum_y_ = 0;
  double sum_xx_ = 0;
  double sum_xy_ = 0;
};

}  // namespace holdfast::guard
