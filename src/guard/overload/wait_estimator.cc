#include "guard/overload/wait_estimator.h"

#include <algorithm>
#include <cmath>

namespace holdfast::guard {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 50ms;
constexpr Duration kFilling = 500ms;     // After a start that fills, the next ones are thought to.
constexpr double kIntervalGuess = 0.05;  // Seconds between tokens, before any answer.
constexpr double kSlow = 15;             // Seconds.
constexpr double kFast = 2;              // Seconds.
constexpr double kArriving = 5;          // Seconds.
constexpr double kDemand = 3;            // Seconds.
constexpr double kTrusted = 1;           // Seconds of backlog from which Little's law is not asked.
constexpr double kChangeSigma = 4.5;
constexpr double kChangeStarts = 4;   // Expected at least, to call their lack a change.
constexpr double kLeastShare = 0.02;  // Of the capacity, left to any class in an estimate.
constexpr double kMeanGain = 1.0 / 64;
constexpr double kCorrectionGain = 1.0 / 128;
constexpr double kCorrectionMax = 1.1;
constexpr double kVarianceGain = 0.05;
constexpr double kVarianceMin = 0.05 * 0.05;
constexpr double kBand = 1.645;  // Standard deviations of a 90 % interval.

double DecayOver(double seconds) { return std::exp(-ToSeconds(kTick) / seconds); }

const double kSlowDecay = DecayOver(kSlow);
const double kFastDecay = DecayOver(kFast);
const double kArrivingDecay = DecayOver(kArriving);
const double kDemandDecay = DecayOver(kDemand);
const double kHighDecay = DecayOver(10 * kSlow);

}  // namespace

bool WaitEstimator::Advance(Time now, bool is_backlogged) {
  if (is_backlogged && now_ - filled_ >= kFilling) {
    const double seconds = ToSeconds(now - now_);
    slow_.seconds += seconds;
    fast_.seconds += seconds;
  }
  now_ = now;
  if (now - tick_ < kTick) return false;
  const auto ticks = (now - tick_) / kTick;
  tick_ += ticks * kTick;
  Tick(static_cast<double>(ticks));
  return true;
}

void WaitEstimator::Tick(double ticks) {
  const auto decay = [ticks](double a_tick) {
    return ticks == 1 ? a_tick : std::pow(a_tick, ticks);
  };
  slow_.Decay(decay(kSlowDecay));
  fast_.Decay(decay(kFastDecay));
  const double arriving = decay(kArrivingDecay);
  for (double& cost : arriving_) cost *= arriving;
  for (double& cost : overtaking_) cost *= arriving;
  demand_ *= decay(kDemandDecay);
  asked_ *= decay(kDemandDecay);
  in_flight_high_ = std::max(in_flight_high_ * decay(kHighDecay), 1.02 * in_flight() + 1);
  BelieveChange();
}

void WaitEstimator::BelieveChange() {
  if (slow_.seconds < 2 * kTrusted) return;
  const double expected = slow_.starts / slow_.seconds * fast_.seconds;
  if (expected < kChangeStarts) return;
  const double difference = std::abs(fast_.starts - expected);
  // A decayed sum of a Poisson process has half the variance of a count.
  if (difference > kChangeSigma * std::sqrt(expected / 2)) slow_ = fast_;
}

void WaitEstimator::OnAdmitted(ServiceClass service_class, double cost, bool overtakes) {
  arriving_[static_cast<int>(service_class)] += cost;
  if (overtakes) overtaking_[static_cast<int>(service_class)] += cost;
}

void WaitEstimator::OnStart(double cost, std::uint32_t predicted_output, bool has_waited) {
  before_first_token_.Add(cost, predicted_output);
  cost_mean_ += (cost_mean_ == 0 ? 1 : kMeanGain) * (cost - cost_mean_);
  if (in_flight() > in_flight_high_) {
    in_flight_high_ = in_flight();
    filled_ = now_;
    return;
  }
  if (!has_waited) return;
  for (Backlog* backlog : {&slow_, &fast_}) {
    backlog->cost += cost;
    backlog->starts += 1;
  }
}

void WaitEstimator::OnFirstToken(double cost, std::uint32_t predicted_output) {
  before_first_token_.Remove(cost, predicted_output);
  being_written_.Add(cost, predicted_output);
}

void WaitEstimator::OnFinish(double cost, std::uint32_t predicted_output, bool had_first_token,
                             Duration token_interval) {
  (had_first_token ? being_written_ : before_first_token_).Remove(cost, predicted_output);
  if (token_interval.count() == 0) return;
  const double gain = token_interval_ == 0 ? 1 : kMeanGain;
  token_interval_ += gain * (ToSeconds(token_interval) - token_interval_);
}

void WaitEstimator::OnWaited(ServiceClass service_class, const Estimate& first, double real,
                             std::uint32_t places) {
  Correction& correction = corrections_[static_cast<int>(service_class)];
  correction.real += kCorrectionGain * (real - correction.real);
  correction.uncorrected += kCorrectionGain * (first.uncorrected - correction.uncorrected);
  constexpr double kLeast = 0.01;  // Seconds: below, ratios mean nothing.
  const double ratio = std::max(real, kLeast) / std::max(first.expected, kLeast);
  const double error = std::clamp(std::log(ratio), -1.0, 1.0);
  // What is left when the chance of a short queue is taken off.
  const double excess = std::max(error * error - 1.0 / (places + 1), kVarianceMin);
  correction.variance += kVarianceGain * (excess - correction.variance);
}

double WaitEstimator::Correction::factor() const {
  return std::clamp(real / uncorrected, 1 / kCorrectionMax, kCorrectionMax);
}

void WaitEstimator::ScaleCapacity(double factor) {
  slow_.cost *= factor;
  slow_.starts *= factor;
  fast_.cost *= factor;
  fast_.starts *= factor;
}

double WaitEstimator::OverCapacity(double decayed_sum) const {
  return slow_.seconds < kTrusted ? 0 : decayed_sum / kDemand / capacity();
}

double WaitEstimator::capacity() const {
  const double missing = std::max(kTrusted - slow_.seconds, 0.0);
  const double guessed = missing > 0 ? missing * CapacityByLittle() : 0;
  return std::max((slow_.cost + guessed) / (slow_.seconds + missing), 1.0);
}

double WaitEstimator::CapacityByLittle() const {
  const Work& work = being_written_.count > 0 ? being_written_ : before_first_token_;
  if (work.output <= 0) return 0;
  const double interval = token_interval_ > 0 ? token_interval_ : kIntervalGuess;
  const double residence = work.output / work.count * interval;
  return work.cost / residence;
}

double WaitEstimator::CapacityFor(ServiceClass service_class, double given, double share) const {
  double arriving = 0;
  for (int i = 0; i < static_cast<int>(service_class); ++i) arriving += arriving_[i];
  const double all = capacity();
  const double left = all * (1 - given) - arriving / kArriving;
  return std::max(left, all * std::max(share, kLeastShare));
}

double WaitEstimator::ShareOf(ServiceClass service_class) const {
  const double arriving = arriving_[static_cast<int>(service_class)] / kArriving;
  return arriving == 0 ? 0 : std::min(arriving / capacity(), 1.0);
}

WaitEstimator::Estimate WaitEstimator::Wait(ServiceClass service_class, const Line& line) const {
  const int c = static_cast<int>(service_class);
  const double all = capacity();
  const double left = CapacityFor(service_class, line.given, line.share);
  const double arriving = std::min(arriving_[c] / kArriving, left);
  const double share = arriving_[c] > 0 ? overtaking_[c] / arriving_[c] : 0;
  // Of what arrives from now on: until virtual time is at its tag all of it, then less and less.
  const double overtakers = arriving * share * (1 - line.behind) / 2;
  const double seconds_to_tag = line.tag_lead * line.clients / left;
  const double overtaking = (arriving - overtakers) * seconds_to_tag;
  const bool is_paced = line.until_next >= 0;
  const double own = line.ahead + overtaking + (is_paced ? 0 : cost_mean_);
  double wait = (line.above + own) / (left - overtakers);
  if (line.share > 0) {
    const double earned = own / line.share + line.to_earn * (1 - line.share) / line.share;
    wait = std::min(wait, std::max(earned, 0.0) / all);
  }
  if (is_paced) wait = line.until_next + wait / line.factor;

  const Correction& correction = corrections_[c];
  const double expected = wait * correction.factor();
  const double deviation = std::sqrt(correction.variance + 1.0 / (line.places + 1));
  return {.expected = expected,
          .low = expected * std::max(1 - kBand * deviation, 0.0),
          .high = expected * (1 + kBand * deviation),
          .uncorrected = wait};
}

}  // namespace holdfast::guard
