// CostPredictor: how many tokens an answer will have, before it exists. Single-threaded, bounded.
//
//   prior  = running mean of answers with the same route and the same power of two of max_tokens
//            (a mean, since costs are added up: its error over many requests goes to zero)
//   output = (k * prior + n * own) / (k + n), at most max_tokens
//
// `own` is the running mean of the client's last answers, n their number up to kAnswersMax: little
// history stays near the prior (shrinkage, k = kPriorAnswers). An answer cut short by its caller
// tells only that it would have been longer: it is learned only where it exceeds the prediction.
// The error is tracked, and shown in the counters; admission settles the difference afterwards.
#pragma once

#include <array>
#include <cstdint>

#include "guard/facts.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

// A client's history, kept where clients are kept.
struct AnswerHistory {
  float output_mean = 0;
  float answers = 0;
};

class CostPredictor {
 public:
  explicit CostPredictor(std::uint32_t output_tokens_initial);

  // Requests alike but for the client: by route and max_tokens.
  using Group = std::uint8_t;
  static Group GroupOf(const RequestFacts& facts);

  // At least 1; at most `tokens_max` unless that is 0.
  std::uint32_t Predict(Group group, std::uint32_t tokens_max, const AnswerHistory& history) const;
  void Learn(Group group, std::uint32_t predicted, std::uint32_t actual, Ending ending,
             AnswerHistory& history);

  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);

  double relative_error() const;  // Mean |actual - predicted| over mean actual, recent.
  double bias() const;            // Mean actual over mean predicted, recent.

 private:
  static constexpr int kTokenClasses = 22;  // max_tokens not given, 1, 2-3, 4-7, ... >= 2^20.
  struct Mean {
    double value = 0;
    double count = 0;
  };

  std::array<Mean, 2 * kTokenClasses> groups_{};
  std::array<Mean, 2> routes_{};
  double output_tokens_initial_;
  double actual_mean_ = 0;
  double predicted_mean_ = 0;
  double error_mean_ = 0;
};

}  // namespace holdfast::guard
