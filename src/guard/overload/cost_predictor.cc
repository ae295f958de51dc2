#include "guard/overload/cost_predictor.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {
namespace {

constexpr double kPriorAnswers = 4;
constexpr float kAnswersMax = 16;    // The client's mean is over about as many.
constexpr double kGroupMemory = 64;  // Answers that a group's mean is over.
constexpr double kErrorGain = 1.0 / 256;

void Learn(double value, double memory, double& mean, double& count) {
  count = std::min(count + 1, memory);
  mean += (value - mean) / count;
}

}  // namespace

CostPredictor::CostPredictor(std::uint32_t output_tokens_initial)
    : output_tokens_initial_(output_tokens_initial) {
  CHECK(output_tokens_initial > 0);
}

CostPredictor::Group CostPredictor::GroupOf(const RequestFacts& facts) {
  const int tokens = std::min<int>(std::bit_width(facts.tokens_max), kTokenClasses - 1);
  const int route = facts.route == Route::kApi ? 1 : 0;
  return static_cast<Group>(route * kTokenClasses + tokens);
}

std::uint32_t CostPredictor::Predict(Group group, std::uint32_t tokens_max,
                                     const AnswerHistory& history) const {
  // What a group has not seen itself, its route tells.
  const Mean& own = groups_[group];
  const Mean& route = routes_[group / kTokenClasses];
  const double route_mean = (kPriorAnswers * output_tokens_initial_ + route.count * route.value) /
                            (kPriorAnswers + route.count);
  const double prior =
      (kPriorAnswers * route_mean + own.count * own.value) / (kPriorAnswers + own.count);
  const double answers = history.answers;
  double output =
      (kPriorAnswers * prior + answers * history.output_mean) / (kPriorAnswers + answers);
  if (tokens_max > 0) output = std::min(output, static_cast<double>(tokens_max));
  return static_cast<std::uint32_t>(std::max(output + 0.5, 1.0));
}

void CostPredictor::Learn(Group group, std::uint32_t predicted, std::uint32_t actual, Ending ending,
                          AnswerHistory& history) {
  const bool is_whole = ending == Ending::kServed;
  const bool is_lower_bound = ending == Ending::kAbandoned && actual > predicted;
  if (!is_whole && !is_lower_bound) return;

  guard::Learn(actual, kGroupMemory, groups_[group].value, groups_[group].count);
  Mean& route = routes_[group / kTokenClasses];
  guard::Learn(actual, kGroupMemory, route.value, route.count);
  history.answers = std::min(history.answers + 1, kAnswersMax);
  history.output_mean += (static_cast<float>(actual) - history.output_mean) / history.answers;

  const double error = std::abs(static_cast<double>(actual) - predicted);
  const double gain = actual_mean_ == 0 ? 1 : kErrorGain;
  actual_mean_ += gain * (actual - actual_mean_);
  predicted_mean_ += gain * (predicted - predicted_mean_);
  error_mean_ += gain * (error - error_mean_);
}

double CostPredictor::relative_error() const {
  return actual_mean_ > 0 ? error_mean_ / actual_mean_ : 0;
}

double CostPredictor::bias() const {
  return predicted_mean_ > 0 ? actual_mean_ / predicted_mean_ : 1;
}

void CostPredictor::Save(StateWriter& writer) const {
  const auto save = [&](const Mean& mean) {
    writer.Put(mean.value);
    writer.Put(mean.count);
  };
  std::ranges::for_each(groups_, save);
  std::ranges::for_each(routes_, save);
}

void CostPredictor::Load(StateReader& reader) {
  const auto load = [&](Mean& mean) {
    mean.value = reader.TakeDouble(0, UINT32_MAX);
    mean.count = reader.TakeDouble(0, 1e18);
  };
  std::ranges::for_each(groups_, load);
  std::ranges::for_each(routes_, load);
}

}  // namespace holdfast::guard
