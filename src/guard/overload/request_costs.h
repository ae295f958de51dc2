// RequestCosts: what a request will take before its answer exists, in weighted tokens, and what is
// learned when it is over. Owned by Admission; single-threaded, bounded.
//
//   cost = weight_input * prompt + weight_output * choices * predicted output of each
//
// While answers are shortened (short_answer_tokens), one whose caller set no limit is charged as a
// short one, but counts as demand for what it would be: else shortening would take away the
// pressure that it is a response to. For the same reason a shortened answer teaches nothing.
#pragma once

#include <cstdint>

#include "guard/facts.h"
#include "guard/overload/cost_predictor.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

// As AdmissionOptions has them.
struct CostOptions {
  double weight_input = 1;
  double weight_output = 1;
  double bytes_per_token = 1;
  std::uint32_t output_tokens_initial = 1;
  std::uint32_t request_tokens_max = 1;
  std::uint32_t short_answer_tokens = 0;
};

struct RequestCost {
  CostPredictor::Group group = 0;
  std::uint32_t prompt_tokens = 0;  // Counted or estimated.
  std::uint32_t choices = 1;
  std::uint32_t tokens_max = 0;        // What each answer is shortened to; 0: it is not.
  std::uint32_t predicted_output = 0;  // Of each choice.
  double charge = 0;
  double demand = 0;  // The charge, were it not shortened.
};

class RequestCosts {
 public:
  explicit RequestCosts(const CostOptions& options);

  // `shortens`: answers are shortened now.
  RequestCost Of(const RequestFacts& facts, const AnswerHistory& history, bool shortens) const;
  // Its caller set a limit that is over that of a short answer.
  bool IsLong(const RequestFacts& facts) const {
    return options_.short_answer_tokens > 0 && facts.tokens_max > options_.short_answer_tokens;
  }

  // Learns from an answer that is over; `output_tokens` are those of all its choices. What it took
  // beyond what was charged.
  double Settle(const RequestCost& charged, std::uint32_t output_tokens, Ending ending,
                AnswerHistory& history);

  const CostPredictor& predictor() const { return predictor_; }
  void Save(StateWriter& writer) const { predictor_.Save(writer); }
  void Load(StateReader& reader) { predictor_.Load(reader); }

 private:
  double CostOf(std::uint32_t prompt_tokens, double output_tokens) const;

  const CostOptions options_;
  CostPredictor predictor_;
};

}  // namespace holdfast::guard
