#include "guard/overload/request_costs.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::guard {

RequestCosts::RequestCosts(const CostOptions& options)
    : options_(options), predictor_(options.output_tokens_initial) {
  CHECK(options.weight_input > 0 && options.weight_output > 0 && options.bytes_per_token > 0);
}

RequestCost RequestCosts::Of(const RequestFacts& facts, const AnswerHistory& history,
                             bool shortens) const {
  RequestCost made{.group = CostPredictor::GroupOf(facts)};
  made.prompt_tokens =
      facts.prompt_tokens > 0
          ? facts.prompt_tokens
          : static_cast<std::uint32_t>(facts.prompt_bytes / options_.bytes_per_token) + 1;
  made.choices = std::max<std::uint32_t>(facts.choices, 1);
  made.predicted_output = predictor_.Predict(made.group, facts.tokens_max, history);
  made.demand = CostOf(made.prompt_tokens, 1.0 * made.choices * made.predicted_output);
  made.charge = made.demand;
  if (!shortens || options_.short_answer_tokens == 0 || facts.tokens_max > 0) return made;
  made.tokens_max = options_.short_answer_tokens;
  made.predicted_output = std::min(made.predicted_output, made.tokens_max);
  made.charge = CostOf(made.prompt_tokens, 1.0 * made.choices * made.predicted_output);
  return made;
}

double RequestCosts::Settle(const RequestCost& charged, std::uint32_t output_tokens, Ending ending,
                            AnswerHistory& history) {
  if (charged.tokens_max == 0) {
    predictor_.Learn(charged.group, charged.predicted_output, output_tokens / charged.choices,
                     ending, history);
  }
  return CostOf(charged.prompt_tokens, output_tokens) - charged.charge;
}

double RequestCosts::CostOf(std::uint32_t prompt_tokens, double output_tokens) const {
  const double input = std::min(prompt_tokens, options_.request_tokens_max);
  const double output = std::min<double>(output_tokens, options_.request_tokens_max);
  return options_.weight_input * input + options_.weight_output * output;
}

}  // namespace holdfast::guard
