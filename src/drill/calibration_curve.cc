#include "drill/calibration_curve.h"

#include <algorithm>
#include <cmath>

namespace holdfast::drill {

double BrierScore(std::span<const Prediction> predictions) {
  double sum = 0;
  double weight = 0;
  for (const Prediction& prediction : predictions) {
    const double error = prediction.probability - (prediction.is_hostile ? 1 : 0);
    sum += prediction.weight * error * error;
    weight += prediction.weight;
  }
  return weight > 0 ? sum / weight : 0;
}

std::vector<ReliabilityBin> ReliabilityCurve(std::span<const Prediction> predictions,
                                             int bin_count) {
  std::vector<ReliabilityBin> bins(static_cast<std::size_t>(std::max(bin_count, 1)));
  for (const Prediction& prediction : predictions) {
    const double place = prediction.probability * static_cast<double>(bins.size());
    ReliabilityBin& bin = bins[static_cast<std::size_t>(std::clamp(place, 0.0, bins.size() - 1.0))];
    bin.stated += prediction.weight * prediction.probability;
    bin.hostile += prediction.is_hostile ? prediction.weight : 0;
    bin.weight += prediction.weight;
  }
  std::erase_if(bins, [](const ReliabilityBin& bin) { return bin.weight <= 0; });
  for (ReliabilityBin& bin : bins) {
    bin.stated /= bin.weight;
    bin.hostile /= bin.weight;
  }
  return bins;
}

double CalibrationError(std::span<const ReliabilityBin> curve) {
  double sum = 0;
  double weight = 0;
  for (const ReliabilityBin& bin : curve) {
    sum += bin.weight * std::abs(bin.stated - bin.hostile);
    weight += bin.weight;
  }
  return weight > 0 ? sum / weight : 0;
}

}  // namespace holdfast::drill
