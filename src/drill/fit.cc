#include "drill/fit.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace holdfast::drill {
namespace {

// The prior is the last parameter.
constexpr std::size_t kParameterCount = guard::kDetectorCount + 1;
constexpr std::size_t kPrior = guard::kDetectorCount;
using Vector = std::array<double, kParameterCount>;
using Matrix = std::array<Vector, kParameterCount>;

double LogOdds(const Vector& w, const guard::Evidence& evidence) {
  double odds = w[kPrior];
  for (std::size_t i = 0; i < evidence.size(); ++i) odds += w[i] * evidence[i];
  return odds;
}

// log(1 + exp(x)) without overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double LogLoss(std::span<const LabelledRow> rows, const Vector& w) {
  double loss = 0;
  for (const LabelledRow& row : rows) {
    const double odds = LogOdds(w, row.evidence);
    loss += row.weight * Softplus(row.is_hostile ? -odds : odds);
  }
  return loss;
}

double Penalty(const Vector& w, const FitOptions& options) {
  double penalty = 0;
  for (std::size_t i = 0; i < kPrior; ++i) {
    const double off = w[i] - options.centre[i];
    penalty += 0.5 * options.l2 * off * off;
  }
  return penalty;
}

struct Slope {
  Vector gradient{};
  Matrix hessian{};
};

Slope SlopeAt(std::span<const LabelledRow> rows, const Vector& w, const FitOptions& options) {
  Slope slope;
  for (const LabelledRow& row : rows) {
    Vector x;
    std::ranges::copy(row.evidence, x.begin());
    x[kPrior] = 1;
    const double p = 1 / (1 + std::exp(-LogOdds(w, row.evidence)));
    const double residual = row.weight * (p - (row.is_hostile ? 1 : 0));
    const double curvature = row.weight * p * (1 - p);
    for (std::size_t i = 0; i < kParameterCount; ++i) {
      if (x[i] == 0) continue;
      slope.gradient[i] += residual * x[i];
      for (std::size_t j = 0; j <= i; ++j) slope.hessian[i][j] += curvature * x[i] * x[j];
    }
  }
  for (std::size_t i = 0; i < kParameterCount; ++i) {
    if (i != kPrior) slope.gradient[i] += options.l2 * (w[i] - options.centre[i]);
    slope.hessian[i][i] += i != kPrior ? options.l2 : 1e-9;
    for (std::size_t j = i + 1; j < kParameterCount; ++j) {
      slope.hessian[i][j] = slope.hessian[j][i];
    }
  }
  return slope;
}

// Solves hessian x = gradient by Cholesky, over the free parameters; the others get 0.
Vector NewtonStep(const Slope& slope, const std::array<bool, kParameterCount>& is_free) {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < kParameterCount; ++i) {
    if (is_free[i]) free.push_back(i);
  }
  Matrix lower{};
  Vector solution{};
  for (std::size_t a = 0; a < free.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = slope.hessian[free[a]][free[b]];
      for (std::size_t k = 0; k < b; ++k) sum -= lower[a][k] * lower[b][k];
      lower[a][b] = a == b ? std::sqrt(std::max(sum, 1e-12)) : sum / lower[b][b];
    }
    double sum = slope.gradient[free[a]];
    for (std::size_t k = 0; k < a; ++k) sum -= lower[a][k] * solution[k];
    solution[a] = sum / lower[a][a];
  }
  Vector step{};
  for (std::size_t a = free.size(); a-- > 0;) {
    double sum = solution[a];
    for (std::size_t k = a + 1; k < free.size(); ++k) sum -= lower[k][a] * step[free[k]];
    step[free[a]] = sum / lower[a][a];
  }
  return step;
}

Vector Moved(const Vector& w, const Vector& step, double share) {
  Vector moved = w;
  for (std::size_t i = 0; i < kParameterCount; ++i) {
    moved[i] -= share * step[i];
    if (i != kPrior) moved[i] = std::max(moved[i], 0.0);
  }
  return moved;
}

}  // namespace

FittedCoefficients FitCoefficients(std::span<const LabelledRow> rows, const FitOptions& options) {
  FittedCoefficients fit;
  if (rows.empty()) return fit;
  Vector w{};
  std::ranges::copy(options.centre, w.begin());
  double loss = LogLoss(rows, w) + Penalty(w, options);
  while (fit.steps < options.steps_max && !fit.has_converged) {
    ++fit.steps;
    const Slope slope = SlopeAt(rows, w, options);
    std::array<bool, kParameterCount> is_free;
    for (std::size_t i = 0; i < kParameterCount; ++i) {
      is_free[i] = i == kPrior || w[i] > 0 || slope.gradient[i] < 0;
    }
    const Vector step = NewtonStep(slope, is_free);
    double gain = 0;
    for (double share = 1; share > 1e-6; share /= 2) {
      const Vector moved = Moved(w, step, share);
      const double moved_loss = LogLoss(rows, moved) + Penalty(moved, options);
      if (moved_loss >= loss) continue;
      gain = loss - moved_loss;
      w = moved;
      loss = moved_loss;
      break;
    }
    fit.has_converged = gain <= options.tolerance * loss;
  }
  double weight = 0;
  for (const LabelledRow& row : rows) weight += row.weight;
  fit.prior = w[kPrior];
  std::copy_n(w.begin(), guard::kDetectorCount, fit.coefficient.begin());
  fit.log_loss = LogLoss(rows, w) / weight;
  return fit;
}

}  // namespace holdfast::drill
