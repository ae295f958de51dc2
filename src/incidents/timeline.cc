#include "incidents/timeline.h"

#include <algorithm>
#include <chrono>

#include "verdict/hostility.h"

namespace holdfast::incidents {
namespace {

constexpr std::size_t kStepsMax = 240;
constexpr guard::Duration kStepMin = std::chrono::seconds(5);

}  // namespace

Timeline MakeTimeline(const verdict::JudgeInput& input, const verdict::JudgeOptions& options) {
  Timeline timeline;
  if (input.records.empty()) return timeline;
  std::vector<verdict::JournalClient> clients;
  for (const verdict::JournalRecord& record : input.records) {
    clients.push_back({.id = record.client, .group = record.group});
  }
  std::ranges::sort(clients, {}, &verdict::JournalClient::id);
  const auto repeated = std::ranges::unique(clients, {}, &verdict::JournalClient::id);
  clients.erase(repeated.begin(), repeated.end());
  const verdict::Hostility hostility(
      clients, input.scores,
      {.group_deviation = options.group_deviation, .prior_log_odds = options.prior_log_odds});

  const guard::Time from = input.records.front().arrival;
  const guard::Duration length = input.records.back().arrival - from;
  timeline.step = kStepMin;
  while (length / timeline.step >= static_cast<std::int64_t>(kStepsMax)) timeline.step *= 2;
  timeline.steps.resize(static_cast<std::size_t>(length / timeline.step) + 1);
  for (std::size_t i = 0; i < timeline.steps.size(); ++i) {
    TimelineStep& step = timeline.steps[i];
    step.time = from + static_cast<std::int64_t>(i) * timeline.step;
    const verdict::CapacityStep capacity = input.capacity.At(step.time + timeline.step / 2);
    step.engine_share = capacity.engine_share * capacity.workers_up / capacity.workers_total;
  }
  const double per_s = 1 / guard::ToSeconds(timeline.step);
  for (const verdict::JournalRecord& record : input.records) {
    const auto client =
        std::ranges::lower_bound(clients, record.client, {}, &verdict::JournalClient::id);
    const double hostile =
        hostility.probability(static_cast<std::uint32_t>(client - clients.begin()));
    const double weight = record.weight;
    TimelineStep& step =
        timeline.steps[static_cast<std::size_t>((record.arrival - from) / timeline.step)];
    step.hostile += per_s * weight * hostile;
    step.honest += per_s * weight * (1 - hostile);
    if (!record.is_open && verdict::WasLost(record, input.admission.level)) {
      step.honest_lost += per_s * weight * (1 - hostile);
    }
    if (record.ending != guard::Ending::kRefused) continue;
    RefusalCount& count = timeline.refusals[static_cast<std::size_t>(record.refusal)];
    count.hostile += weight * hostile;
    count.honest += weight * (1 - hostile);
  }
  return timeline;
}

}  // namespace holdfast::incidents
