#include "incidents/explain.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "incidents/sentences.h"

namespace holdfast::incidents {
namespace {

using verdict::JudgeInput;
using verdict::Verdict;

// More of the loss than this makes a change worth telling.
constexpr double kToldChange = 0.02;

void ScaleProvision(JudgeInput& input, double factor) {
  for (verdict::ProvisionedLevel& level : input.provision.levels) level.cost_per_s *= factor;
}

void ScaleEngine(JudgeInput& input, double speed) {
  input.engine.step_base_s /= speed;
  input.engine.step_per_sequence_s /= speed;
  input.engine.step_per_context_token_s /= speed;
  input.engine.prefill_token_s /= speed;
}

void LeaveOut(JudgeInput& input, guard::Detector detector) {
  for (guard::ClusterScore& score : input.scores) {
    score.evidence[static_cast<std::size_t>(detector)] = 0;
    score.llr[static_cast<std::size_t>(detector)] = 0;
    score.log_odds = guard::LogOdds(score.evidence, guard::kCalibration);
  }
}

double ChangeOf(const Verdict& before, const Verdict& after) {
  if (before.label != after.label) return 1;
  double change = 0;
  for (std::size_t cause = 0; cause < before.shares.size(); ++cause) {
    for (const auto end : {&verdict::Share::median, &verdict::Share::low, &verdict::Share::high}) {
      change = std::max(change, std::abs(after.shares[cause].*end - before.shares[cause].*end));
    }
  }
  return change;
}

std::string SharesText(const Verdict& verdict) {
  if (verdict.draws == 0) return std::string(verdict::WhyUnknownWord(verdict.why_unknown));
  return fmt::format("attack {}, demand {}, lost capacity {}", PercentOf(verdict.shares[0]),
                     PercentOf(verdict.shares[1]), PercentOf(verdict.shares[2]));
}

std::string LabelText(const Verdict& verdict) {
  if (verdict.label != verdict::Label::kUnknown)
    return std::string(verdict::LabelWord(verdict.label));
  return fmt::format("unknown ({})", verdict::WhyUnknownWord(verdict.why_unknown));
}

std::string DriversText(const Verdict& verdict) {
  const auto& loss = verdict.world_losses;
  std::string text = fmt::format(
      "What drove it\n"
      "  Of {} honest requests {} were lost; the replay with all causes loses {}, without any {}.\n"
      "  Alone, the attack loses {}, demand {}, lost capacity {}.\n"
      "  Taken away from the rest, the attack saves {}, demand {}, lost capacity {}.\n",
      Grouped(verdict.requests), Grouped(verdict.lost_observed), Grouped(loss[7]), Grouped(loss[0]),
      Grouped(loss[1] - loss[0]), Grouped(loss[2] - loss[0]), Grouped(loss[4] - loss[0]),
      Grouped(loss[7] - loss[6]), Grouped(loss[7] - loss[5]), Grouped(loss[7] - loss[3]));
  const auto telling = TellingDetectors(verdict);
  if (telling.empty()) return text + "  No detector speaks for hostility.\n";
  text += fmt::format("  About {} of {} clients are held hostile. What speaks for it most:\n",
                      Grouped(verdict.hostile_clients), Grouped(verdict.clients));
  for (const guard::Detector detector : telling) {
    const verdict::DetectorSummary& summary = verdict.detectors[static_cast<std::size_t>(detector)];
    text +=
        fmt::format("    {} ({}): {} clients, {:.1f} nats each\n", guard::DetectorWord(detector),
                    DetectorPhrase(detector), Grouped(summary.clients), summary.llr);
  }
  return text;
}

}  // namespace

std::vector<Variation> Vary(const Bundle& bundle, const Verdict& verdict) {
  std::vector<Variation> variations;
  // The draws of the verdict itself: what changes is the change alone.
  const std::uint64_t seed = SeedOf(bundle);
  const auto vary = [&](std::string what, const std::function<void(JudgeInput&)>& change) {
    JudgeInput input = bundle.input;
    change(input);
    Variation variation{.what = std::move(what),
                        .verdict = verdict::Judge(input, seed, JudgementOf(bundle.depth))};
    variation.change = ChangeOf(verdict, variation.verdict);
    variations.push_back(std::move(variation));
  };
  for (const guard::Detector detector : TellingDetectors(verdict)) {
    vary(fmt::format("without the evidence '{}'", guard::DetectorWord(detector)),
         [&](JudgeInput& input) { LeaveOut(input, detector); });
  }
  if (!bundle.input.provision.levels.empty()) {
    vary("if it were built for a fifth less", [](JudgeInput& i) { ScaleProvision(i, 0.8); });
    vary("if it were built for a fifth more", [](JudgeInput& i) { ScaleProvision(i, 1.25); });
  }
  if (bundle.input.capacity.IsReduced(guard::Time{}, guard::Time::max())) {
    vary("if all capacity had been there", [](JudgeInput& i) { i.capacity.steps.clear(); });
  }
  vary("if the engine were a tenth slower", [](JudgeInput& i) { ScaleEngine(i, 0.9); });
  vary("if the engine were a tenth faster", [](JudgeInput& i) { ScaleEngine(i, 1.1); });
  std::ranges::stable_sort(variations, std::greater(), &Variation::change);
  return variations;
}

std::string Explain(const Bundle& bundle, const Verdict& verdict) {
  std::string text;
  for (const std::string& sentence : Sentences(verdict, bundle.zero_unix_s)) {
    text += sentence + '\n';
  }
  if (verdict.draws == 0) return text;
  text += '\n' + DriversText(verdict) + "\nWhat would change it\n";
  bool has_any = false;
  for (const Variation& variation : Vary(bundle, verdict)) {
    if (variation.change < kToldChange) continue;
    has_any = true;
    text += fmt::format("  {}: {}; {}\n", variation.what, LabelText(variation.verdict),
                        SharesText(variation.verdict));
  }
  if (!has_any) text += "  Nothing of what was tried: each share moves by less than 2 points.\n";
  return text;
}

}  // namespace holdfast::incidents
