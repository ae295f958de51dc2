#include "drill/result.h"

#include <algorithm>
#include <cmath>

namespace holdfast::drill {
namespace {

constexpr double kBinsPerOctave = 8;
constexpr double kFirstBinSeconds = 1e-3;

}  // namespace

void TimeHistogram::Add(guard::Duration time) {
  const double octaves =
      std::log2(std::max(guard::ToSeconds(time), kFirstBinSeconds) / kFirstBinSeconds);
  const auto bin = static_cast<std::size_t>(octaves * kBinsPerOctave);
  ++bins_[std::min<std::size_t>(bin, kBinCount - 1)];
  ++count_;
}

void TimeHistogram::Merge(const TimeHistogram& other) {
  for (std::size_t i = 0; i < bins_.size(); ++i) bins_[i] += other.bins_[i];
  count_ += other.count_;
}

double TimeHistogram::QuantileSeconds(double share) const {
  if (count_ == 0) return 0;
  const double rank = share * static_cast<double>(count_);
  double below = 0;
  std::size_t bin = 0;
  while (bin + 1 < bins_.size() && below + bins_[bin] < rank) below += bins_[bin++];
  return kFirstBinSeconds * std::exp2((static_cast<double>(bin) + 0.5) / kBinsPerOctave);
}

void KindResult::Merge(const KindResult& other) {
  requests += other.requests;
  wishes += other.wishes;
  good += other.good;
  served += other.served;
  good_answers += other.good_answers;
  for (std::size_t i = 0; i < endings.size(); ++i) endings[i] += other.endings[i];
  for (std::size_t i = 0; i < refusals.size(); ++i) refusals[i] += other.refusals[i];
  blocked += other.blocked;
  lost += other.lost;
  output_tokens += other.output_tokens;
  smooth_tokens += other.smooth_tokens;
  sign_ups += other.sign_ups;
  signed_up += other.signed_up;
  log_ins += other.log_ins;
  log_ins_failed += other.log_ins_failed;
  first_token.Merge(other.first_token);
  sign_up_time.Merge(other.sign_up_time);
}

KindResult SimulationResult::honest() const {
  KindResult sum;
  for (int i = 0; i < kCallerKindCount; ++i) {
    if (!IsHostile(static_cast<CallerKind>(i))) sum.Merge(kinds[static_cast<std::size_t>(i)]);
  }
  return sum;
}

KindResult SimulationResult::hostile() const {
  KindResult sum;
  for (int i = 0; i < kCallerKindCount; ++i) {
    if (IsHostile(static_cast<CallerKind>(i))) sum.Merge(kinds[static_cast<std::size_t>(i)]);
  }
  return sum;
}

double SimulationResult::honest_goodput_per_s() const {
  return measured_s <= 0 ? 0 : static_cast<double>(honest().good_answers) / measured_s;
}

double SimulationResult::honest_wishes_per_s() const {
  return measured_s <= 0 ? 0 : static_cast<double>(honest().good) / measured_s;
}

double SimulationResult::honest_good_share() const {
  const KindResult sum = honest();
  return sum.wishes == 0 ? 1 : static_cast<double>(sum.good) / static_cast<double>(sum.wishes);
}

}  // namespace holdfast::drill
