#include "rehearsal/score_report.h"

#include "charts/chart.h"
#include "json/json.h"

namespace holdfast::rehearsal {
namespace {

json::Object ToJson(const Spread& spread) {
  return {{"count", spread.count},
          {"p50_ms", spread.p50_ms},
          {"p99_ms", spread.p99_ms},
          {"max_ms", spread.max_ms}};
}

json::Object ToJson(const Tally& tally) {
  json::Object ends, statuses, reasons;
  for (int i = 0; i < kEndCount; ++i) ends[EndWord(static_cast<End>(i))] = tally.ends[i];
  for (const auto& [status, count] : tally.refused_by_status) {
    statuses[std::to_string(status)] = count;
  }
  for (const auto& [reason, count] : tally.refused_by_reason) reasons[reason] = count;
  return {{"attempts", tally.attempts},
          {"wishes", tally.wishes},
          {"good_wishes", tally.good_wishes},
          {"good_share", tally.good_share()},
          {"good_answers", tally.good_answers},
          {"blocked_wishes", tally.blocked_wishes},
          {"tokens", tally.tokens},
          {"ends", std::move(ends)},
          {"refused_by_status", std::move(statuses)},
          {"refused_by_reason", std::move(reasons)},
          {"first_token", ToJson(tally.first_token)},
          {"refusal", ToJson(tally.refusal)}};
}

json::Array PhasesToJson(const Score& score) {
  json::Array phases;
  for (const PhaseScore& phase : score.phases) {
    phases.push_back(json::Object{{"name", phase.phase.name},
                                  {"start", phase.phase.start_s},
                                  {"end", phase.phase.end_s},
                                  {"wishes_per_s", phase.wishes_per_s},
                                  {"good_answers_per_s", phase.good_answers_per_s},
                                  {"honest", ToJson(phase.tally)}});
  }
  return phases;
}

json::Object ActsToJson(const std::array<ActTally, kActCount>& acts) {
  json::Object object;
  for (int i = 0; i < kActCount; ++i) {
    if (acts[i].attempts == 0) continue;
    object[ActWord(static_cast<Act>(i))] = json::Object{
        {"attempts", acts[i].attempts}, {"done", acts[i].done}, {"refused", acts[i].refused}};
  }
  return object;
}

json::Value RecoveryToJson(const Score& score) {
  if (!score.recovery) return nullptr;
  const RecoveryScore& recovery = *score.recovery;
  json::Object object{{"load_start", recovery.load_start_s},
                      {"load_end", recovery.load_end_s},
                      {"good_share_before", recovery.good_share_before},
                      {"good_share_during", recovery.good_share_during},
                      {"good_share_after", recovery.good_share_after},
                      {"recovered_after_s", nullptr}};
  if (recovery.recovered_s) object["recovered_after_s"] = *recovery.recovered_s;
  return object;
}

std::string Row(std::initializer_list<std::string> cells, std::string_view tag = "td") {
  std::string row = "<tr>";
  for (const std::string& cell : cells) {
    row += fmt::format("<{0}>{1}</{0}>", tag, charts::EscapeHtml(cell));
  }
  return row + "</tr>";
}

std::string Percent(double share) { return fmt::format("{:.2f} %", share * 100); }

std::string PhasesTable(const Score& score) {
  std::string table = "<h2>Phases, honest callers</h2><table>" +
                      Row({"phase", "wishes/s", "good answers/s", "good wishes", "TTFT p50 ms",
                           "TTFT p99 ms", "refused", "refusal p99 ms"},
                          "th");
  for (const PhaseScore& phase : score.phases) {
    const Tally& tally = phase.tally;
    table +=
        Row({phase.phase.name, fmt::format("{:.2f}", phase.wishes_per_s),
             fmt::format("{:.2f}", phase.good_answers_per_s), Percent(tally.good_share()),
             fmt::format("{:.0f}", tally.first_token.p50_ms),
             fmt::format("{:.0f}", tally.first_token.p99_ms), std::to_string(tally.refusal.count),
             fmt::format("{:.1f}", tally.refusal.p99_ms)});
  }
  return table + "</table>";
}

std::string GroupsTable(const Score& score) {
  std::string table =
      "<h2>Groups</h2><table>" + Row({"group", "kind", "truth", "attempts", "wishes", "good",
                                      "refused", "left", "broken", "failed", "unsent"},
                                     "th");
  for (const GroupScore& group : score.groups) {
    const Tally& tally = group.tally;
    const auto ended = [&](End end) { return std::to_string(tally.ends[static_cast<int>(end)]); };
    table += Row({group.name, group.kind, std::string(LabelWord(group.label)),
                  std::to_string(tally.attempts), std::to_string(tally.wishes),
                  Percent(tally.good_share()), ended(End::kRefused), ended(End::kLeft),
                  ended(End::kBroken), ended(End::kFailed), ended(End::kUnsent)});
  }
  return table + "</table>";
}

std::string Charts(const Score& score) {
  charts::Curve wishes{"honest wishes", {}, {}}, good{"good answers", {}, {}};
  charts::Curve refused{"honest refused", {}, {}}, hostile{"hostile answers", {}, {}};
  charts::Curve first{"TTFT p99", {}, {}};
  for (std::size_t i = 0; i < score.by_second.size(); ++i) {
    const SecondScore& second = score.by_second[i];
    const auto add = [&](charts::Curve& curve, double value) {
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(value);
    };
    add(wishes, second.honest_wishes);
    add(good, second.good_answers);
    add(refused, second.honest_refused);
    add(hostile, second.hostile_answers);
    add(first, second.first_token_p99_ms);
  }
  return charts::DrawChart(
             {.title = "Answers", .x_label = "s", .y_label = "a second", .starts_at_zero = true},
             {wishes, good, refused, hostile}) +
         charts::DrawChart({.title = "First tokens of honest answers, by when they came",
                            .x_label = "s",
                            .y_label = "ms",
                            .starts_at_zero = true},
                           {first});
}

}  // namespace

std::string ScoreToJson(const Score& score) {
  json::Array groups;
  for (const GroupScore& group : score.groups) {
    json::Object object = ToJson(group.tally);
    object["name"] = group.name;
    object["kind"] = group.kind;
    object["label"] = LabelWord(group.label);
    groups.push_back(std::move(object));
  }
  json::Array memory;
  for (const MemoryScore& process : score.memory) {
    memory.push_back(json::Object{{"process", process.process},
                                  {"first_mib", process.first_mib},
                                  {"max_mib", process.max_mib},
                                  {"last_mib", process.last_mib},
                                  {"growth_mib", process.growth_mib()}});
  }
  json::Object acts;
  for (int i = 0; i < kLabelCount; ++i) {
    acts[LabelWord(static_cast<Label>(i))] = ActsToJson(score.acts[i]);
  }
  const WaitScore& waits = score.waits;
  json::Object object{
      {"format", "holdfast.rehearsal.score.1"},
      {"plan", score.plan},
      {"unattacked", score.is_unattacked},
      {"seconds", score.seconds},
      {"good_answers_per_s", score.good_answers_per_s()},
      {"honest", ToJson(score.honest())},
      {"hostile", ToJson(score.hostile())},
      {"acts", std::move(acts)},
      {"phases", PhasesToJson(score)},
      {"groups", std::move(groups)},
      {"waits", json::Object{{"told", waits.told},
                             {"ended", waits.ended},
                             {"within_20_percent", waits.within_20_percent},
                             {"within_20_percent_or_100_ms", waits.within_20_percent_or_100_ms},
                             {"error", ToJson(waits.error)}}},
      {"recovery", RecoveryToJson(score)},
      {"token_fairness", nullptr},
      {"memory", std::move(memory)},
      {"generator_lateness", ToJson(score.lateness)},
      {"beside_unattacked", nullptr}};
  if (score.token_fairness) object["token_fairness"] = *score.token_fairness;
  if (score.beside) {
    object["beside_unattacked"] =
        json::Object{{"good_share", score.beside->good_wishes_share},
                     {"good_answers_ratio", score.beside->good_answers_ratio},
                     {"first_token_p99_ratio", score.beside->first_token_p99_ratio}};
  }
  return json::Write(object) + "\n";
}

std::string ScoreToText(const Score& score) {
  const Tally& honest = score.honest();
  std::string text = fmt::format(
      "{}: honest wishes {}, good {} ({}), good answers {:.2f}/s, TTFT p50 {:.0f} p99 {:.0f} ms\n",
      score.plan, honest.wishes, honest.good_wishes, Percent(honest.good_share()),
      score.good_answers_per_s(), honest.first_token.p50_ms, honest.first_token.p99_ms);
  for (const PhaseScore& phase : score.phases) {
    text += fmt::format(
        "  {:<12} {:8.2f} wishes/s  {:7.2f} good answers/s  {:>9} good  TTFT p99 {:.0f} ms  "
        "{} refused, p99 {:.1f} ms\n",
        phase.phase.name, phase.wishes_per_s, phase.good_answers_per_s,
        Percent(phase.tally.good_share()), phase.tally.first_token.p99_ms,
        phase.tally.refusal.count, phase.tally.refusal.p99_ms);
  }
  text += fmt::format(
      "  honest blocked {} ({} of wishes); refused by reason:", honest.blocked_wishes,
      Percent(honest.wishes > 0
                  ? static_cast<double>(honest.blocked_wishes) / static_cast<double>(honest.wishes)
                  : 0));
  for (const auto& [reason, count] : honest.refused_by_reason) {
    text += fmt::format(" {} {}", reason.empty() ? "-" : reason, count);
  }
  text += fmt::format("\n  hostile attempts {}, answered {}, refused {}, p99 {:.1f} ms\n",
                      score.hostile().attempts, score.hostile().ends[static_cast<int>(End::kDone)],
                      score.hostile().refusal.count, score.hostile().refusal.p99_ms);
  text += fmt::format("  waits told {}, of {} that ended {} within 20 %\n", score.waits.told,
                      score.waits.ended, score.waits.within_20_percent);
  if (score.recovery) {
    const RecoveryScore& recovery = *score.recovery;
    text += fmt::format("  good before {}, during {}, after {}; recovered {}\n",
                        Percent(recovery.good_share_before), Percent(recovery.good_share_during),
                        Percent(recovery.good_share_after),
                        recovery.recovered_s ? fmt::format("after {:.2f} s", *recovery.recovered_s)
                                             : "not within the run");
  }
  if (score.token_fairness) text += fmt::format("  Jain's index {:.4f}\n", *score.token_fairness);
  for (const MemoryScore& process : score.memory) {
    text += fmt::format("  {}: {:.1f} MiB, grew by {:.1f} MiB\n", process.process, process.last_mib,
                        process.growth_mib());
  }
  if (score.beside) {
    text += fmt::format("  beside the unattacked run: good answers x {:.4f}, TTFT p99 x {:.2f}\n",
                        score.beside->good_answers_ratio, score.beside->first_token_p99_ratio);
  }
  return text + fmt::format("  generator late by p99 {:.1f} ms, max {:.1f} ms; unsent {}\n",
                            score.lateness.p99_ms, score.lateness.max_ms,
                            honest.ends[static_cast<int>(End::kUnsent)] +
                                score.hostile().ends[static_cast<int>(End::kUnsent)]);
}

std::string ScoreToHtml(const Score& score) {
  const std::string body = "<pre>" + charts::EscapeHtml(ScoreToText(score)) + "</pre>" +
                           Charts(score) + PhasesTable(score) + GroupsTable(score);
  return charts::MakePage("Rehearsal: " + score.plan, body);
}

}  // namespace holdfast::rehearsal
