// A small incident for the tests of incidents/: 40 s of attack and crowd on a small engine, whose
// callers have names that must not leave the house. Test code only.
#pragma once

#include <algorithm>
#include <vector>

#include "base/mix.h"
#include "verdict/test_service.h"

namespace holdfast::incidents::test {

inline constexpr std::uint64_t kSecretNames = 0xCA7A5E1E0D15EA5E;

// The true name of the n-th caller or fingerprint.
inline std::uint64_t NameOf(std::uint64_t number) { return Mix64(kSecretNames, number); }

inline verdict::JudgeInput MakeInput() {
  using guard::AtSeconds;
  verdict::test::Service service{.admission = {},
                                 .engine = {.step_base_s = 0.05},
                                 .scripts = {},
                                 .faults = {},
                                 .count_from = AtSeconds(70),
                                 .count_to = AtSeconds(110)};
  verdict::test::AddArrivals(service, 5, {}, AtSeconds(125), 60, {.client = 1000, .group = 1}, 1);
  verdict::test::AddArrivals(service, 12, AtSeconds(70), AtSeconds(110), 200,
                             {.client = 2000, .group = 2, .is_extra = true}, 2);
  verdict::test::AddArrivals(service, 12, AtSeconds(70), AtSeconds(110), 200,
                             {.client = 3000, .group = 3, .is_hostile = true}, 3);
  service.faults = {{AtSeconds(80), AtSeconds(105), 0.7}};
  for (verdict::test::Script& script : service.scripts) {
    script.client = NameOf(script.client);
    script.group = NameOf(script.group);
  }
  verdict::JudgeInput input{.records = {},
                            .gaps = {},
                            .scores = {},
                            .probes = {{.time = AtSeconds(75), .host_busy_share = 0.9}},
                            .capacity = service.Trace(),
                            .provision = {},
                            .admission = service.admission,
                            .engine = service.engine,
                            .onset = service.count_from,
                            .end = service.count_to,
                            .now = AtSeconds(125)};
  service.Run(verdict::CausePresence::Of(7), &input.records);
  input.provision.levels = {
      verdict::LearnLevel(input.records, AtSeconds(5), input.onset, input.admission)};
  constexpr auto kSlow = static_cast<std::size_t>(guard::Detector::kSlowConnections);
  const auto add = [&](std::uint64_t first, int count, std::uint64_t group, guard::Detector seen) {
    const bool is_hostile = seen == guard::Detector::kNewcomers;
    for (int i = 0; i < count; ++i) {
      guard::ClusterScore score{.client = NameOf(first + static_cast<std::uint64_t>(i)),
                                .group = NameOf(group),
                                .log_odds = 0,
                                .llr = {},
                                .requests = 3,
                                .cost = 1234.5};
      const float saw = 3.0F + 0.001F * static_cast<float>(i);
      score.evidence[static_cast<std::size_t>(seen)] = is_hostile ? saw : -saw;
      if (is_hostile && i % 2 == 0) score.evidence[kSlow] = 2.5F;
      input.scores.push_back(score);
    }
  };
  add(1000, 60, 1, guard::Detector::kSeenBefore);
  add(2000, 200, 2, guard::Detector::kReadsAnswers);
  add(3000, 200, 3, guard::Detector::kNewcomers);
  return input;
}

}  // namespace holdfast::incidents::test
