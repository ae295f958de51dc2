#include "drill/simulation_report.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "charts/chart.h"

namespace holdfast::drill {
namespace {

using charts::Curve;
using guard::Ending;

double Share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

json::Object KindToJson(const KindResult& kind, double measured_s) {
  json::Object refusals;
  for (int i = 1; i < guard::kRefusalCount; ++i) {
    const std::uint64_t count = kind.refusals[static_cast<std::size_t>(i)];
    if (count > 0) refusals[guard::RefusalWord(static_cast<guard::Refusal>(i))] = count;
  }
  const auto ending = [&](Ending which) { return kind.endings[static_cast<std::size_t>(which)]; };
  return {{"requests", kind.requests},
          {"wishes", kind.wishes},
          {"wishes_good", kind.good},
          {"wishes_served", kind.served},
          {"wishes_blocked", kind.blocked},
          {"goodput_per_s", static_cast<double>(kind.good_answers) / measured_s},
          {"smooth_tokens_per_s", static_cast<double>(kind.smooth_tokens) / measured_s},
          {"output_tokens_per_s", static_cast<double>(kind.output_tokens) / measured_s},
          {"answers_served", ending(Ending::kServed)},
          {"answers_refused", ending(Ending::kRefused)},
          {"answers_abandoned", ending(Ending::kAbandoned)},
          {"answers_failed", ending(Ending::kFailed)},
          {"attempts_lost", kind.lost},
          {"refusals", refusals},
          {"first_token_p50_s", kind.first_token.QuantileSeconds(0.5)},
          {"first_token_p99_s", kind.first_token.QuantileSeconds(0.99)},
          {"sign_ups", kind.sign_ups},
          {"signed_up", kind.signed_up},
          {"sign_up_p50_s", kind.sign_up_time.QuantileSeconds(0.5)},
          {"log_ins", kind.log_ins},
          {"log_ins_failed", kind.log_ins_failed}};
}

json::Array SeriesToJson(const std::vector<SecondSample>& seconds) {
  json::Array rows;
  for (const SecondSample& second : seconds) {
    rows.push_back(json::Array{
        second.honest_wishes, second.honest_good, second.honest_blocked, second.honest_answers,
        second.hostile_requests, second.hostile_served, second.refused, second.engine_running,
        second.engine_waiting, second.door_waiting, second.connections, second.engine_share,
        second.first_token_p50_s, second.first_token_p99_s, second.is_registration_restricted});
  }
  return rows;
}

// A curve over time in steps of some seconds, so that the eye sees more than noise.
constexpr std::size_t kStepSeconds = 5;
Curve CurveOf(const SimulationRun& run, std::string name,
              const std::function<double(const SecondSample&)>& measure) {
  Curve curve{.name = std::move(name), .x = {}, .y = {}};
  const auto& seconds = run.result.seconds;
  for (std::size_t at = 0; at + kStepSeconds <= seconds.size(); at += kStepSeconds) {
    double sum = 0;
    for (std::size_t i = at; i < at + kStepSeconds; ++i) sum += measure(seconds[i]);
    curve.x.push_back(static_cast<double>(at));
    curve.y.push_back(sum / kStepSeconds);
  }
  return curve;
}

std::string DrawOverTime(std::span<const SimulationRun> runs, std::string title,
                         std::string y_label,
                         const std::function<double(const SecondSample&)>& measure) {
  std::vector<Curve> curves;
  for (const SimulationRun& run : runs) {
    curves.push_back(CurveOf(run, std::string(DoorKindWord(run.door)), measure));
  }
  return charts::DrawChart({.title = std::move(title),
                            .x_label = "seconds",
                            .y_label = std::move(y_label),
                            .starts_at_zero = true},
                           curves);
}

std::string DrawOverLoad(std::span<const SimulationRun> runs, std::string title,
                         std::string y_label,
                         const std::function<double(const SimulationResult&)>& measure) {
  std::vector<Curve> curves;
  for (int door = 0; door < kDoorKindCount; ++door) {
    Curve curve{.name = std::string(DoorKindWord(static_cast<DoorKind>(door))), .x = {}, .y = {}};
    for (const SimulationRun& run : runs) {
      if (run.door != static_cast<DoorKind>(door)) continue;
      curve.x.push_back(run.load);
      curve.y.push_back(measure(run.result));
    }
    if (!curve.x.empty()) curves.push_back(std::move(curve));
  }
  return charts::DrawChart({.title = std::move(title),
                            .x_label = "load, multiples of capacity",
                            .y_label = std::move(y_label),
                            .starts_at_zero = true},
                           curves);
}

std::string TableOf(std::span<const SimulationRun> runs) {
  std::string html =
      "<table><tr><th>scenario</th><th>load</th><th>door</th><th>goodput /s</th>"
      "<th>wishes good</th><th>smooth tokens /s</th><th>p99 first token</th><th>blocked</th>"
      "<th>hostile served</th><th>sign-ups</th><th>log-ins failed</th></tr>";
  for (const SimulationRun& run : runs) {
    const KindResult honest = run.result.honest();
    const KindResult hostile = run.result.hostile();
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td><td>{:.2f} %</td><td>{:.0f}</td>"
        "<td>{:.2f} s</td><td>{:.3f} %</td><td>{}</td><td>{}/{}</td><td>{}/{}</td></tr>",
        charts::EscapeHtml(run.scenario), run.load > 0 ? fmt::format("{:g}x", run.load) : "",
        DoorKindWord(run.door), run.result.honest_goodput_per_s(),
        100 * Share(honest.good, honest.wishes),
        static_cast<double>(honest.smooth_tokens) / run.result.measured_s,
        honest.first_token.QuantileSeconds(0.99), 100 * Share(honest.blocked, honest.wishes),
        hostile.served, honest.signed_up, honest.sign_ups, honest.log_ins_failed, honest.log_ins);
  }
  return html + "</table>";
}

std::string PercentOrNothing(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.1f} %", 100 * Share(part, whole));
}

// Beside each load what was possible at all, and the share of it that was reached.
std::string PossibleToText(std::span<const SimulationRun> runs) {
  std::string text;
  for (const SimulationRun& run : runs) {
    const SimulationResult& result = run.result;
    if (result.possible_goodput_per_s <= 0) continue;
    if (text.empty()) {
      text = fmt::format("\n{:>5} {:<15} {:>9} {:>9} {:>8} {:>9} {:>9} {:>8} {:>8} {:>10}\n",
                         "load", "door", "goodput/s", "possible", "share", "wishes/s", "possible",
                         "share", "waits", "or 100 ms");
    }
    text += fmt::format(
        "{:>5} {:<15} {:>9.2f} {:>9.2f} {:>6.1f} % {:>9.2f} {:>9.2f} {:>6.1f} % {:>8} {:>10}\n",
        run.load > 0 ? fmt::format("{:g}x", run.load) : "", DoorKindWord(run.door),
        result.honest_goodput_per_s(), result.possible_goodput_per_s,
        100 * result.honest_goodput_per_s() / result.possible_goodput_per_s,
        result.honest_wishes_per_s(), result.possible_wishes_per_s,
        100 * result.honest_wishes_per_s() / result.possible_wishes_per_s,
        PercentOrNothing(result.waits_within_20_percent, result.waits),
        PercentOrNothing(result.waits_within_20_percent_or_100ms, result.waits));
  }
  if (!text.empty()) {
    text +=
        "possible: what a server of the measured capacity takes up of these requests while they "
        "can\n"
        "still have a first token in time; goodput after any attempt, wishes from the first "
        "attempt.\n"
        "waits: real wait within 20 % of the first estimate, strictly, and or within 100 ms of "
        "it.\n";
  }
  return text;
}

}  // namespace

json::Object RunToJson(const SimulationRun& run) {
  const SimulationResult& result = run.result;
  json::Object kinds;
  for (int i = 0; i < kCallerKindCount; ++i) {
    const KindResult& kind = result.kinds[static_cast<std::size_t>(i)];
    if (kind.requests == 0) continue;
    kinds[CallerKindWord(static_cast<CallerKind>(i))] = KindToJson(kind, result.measured_s);
  }
  json::Object object{{"scenario", run.scenario},
                      {"seed", run.seed},
                      {"door", DoorKindWord(run.door)},
                      {"requests", result.requests},
                      {"events", result.events},
                      {"measured_s", result.measured_s},
                      {"engine_busy_share", result.engine_busy_share},
                      {"waits", result.waits},
                      {"waits_within_20_percent", result.waits_within_20_percent},
                      {"waits_within_20_percent_or_100ms", result.waits_within_20_percent_or_100ms},
                      {"digest", fmt::format("{:016x}", result.digest)},
                      {"honest", KindToJson(result.honest(), result.measured_s)},
                      {"hostile", KindToJson(result.hostile(), result.measured_s)},
                      {"kinds", std::move(kinds)}};
  if (run.load > 0) object["load"] = run.load;
  if (result.possible_goodput_per_s > 0) {
    object["possible_goodput_per_s"] = result.possible_goodput_per_s;
    object["goodput_share_of_possible"] =
        result.honest_goodput_per_s() / result.possible_goodput_per_s;
    object["possible_wishes_good_per_s"] = result.possible_wishes_per_s;
    object["wishes_good_per_s"] = result.honest_wishes_per_s();
    object["wishes_good_share_of_possible"] =
        result.honest_wishes_per_s() / result.possible_wishes_per_s;
  }
  object["second_columns"] =
      json::Array{"honest_wishes",     "honest_good",       "honest_blocked",
                  "honest_answers",    "hostile_requests",  "hostile_served",
                  "refused",           "engine_running",    "engine_waiting",
                  "door_waiting",      "connections",       "engine_share",
                  "first_token_p50_s", "first_token_p99_s", "registration_restricted"};
  object["seconds"] = SeriesToJson(result.seconds);
  return object;
}

std::string RunsToJson(std::span<const SimulationRun> runs) {
  json::Array list;
  for (const SimulationRun& run : runs) list.push_back(RunToJson(run));
  return json::Write(json::Object{{"runs", std::move(list)}});
}

std::string RunsToHtml(std::span<const SimulationRun> runs) {
  std::string body = TableOf(runs);
  const bool is_over_load = std::ranges::any_of(runs, [](const auto& run) { return run.load > 0; });
  if (is_over_load) {
    body += DrawOverLoad(runs, "Goodput", "good answers a second",
                         [](const SimulationResult& r) { return r.honest_goodput_per_s(); });
    body += DrawOverLoad(runs, "Smooth goodput", "tokens in time a second",
                         [](const SimulationResult& r) {
                           return static_cast<double>(r.honest().smooth_tokens) / r.measured_s;
                         });
    return charts::MakePage("Goodput under load", body);
  }
  body += DrawOverTime(runs, "Honest wishes that end well", "share", [](const SecondSample& s) {
    return s.honest_wishes == 0 ? 1 : static_cast<double>(s.honest_good) / s.honest_wishes;
  });
  body += DrawOverTime(runs, "Good answers", "a second",
                       [](const SecondSample& s) { return s.honest_answers; });
  body += DrawOverTime(runs, "Time to first token, p99 of honest answers", "seconds",
                       [](const SecondSample& s) { return s.first_token_p99_s; });
  body += DrawOverTime(runs, "Hostile requests", "a second",
                       [](const SecondSample& s) { return s.hostile_requests; });
  body += DrawOverTime(runs, "Hostile requests served", "a second",
                       [](const SecondSample& s) { return s.hostile_served; });
  body += DrawOverTime(runs, "Refused", "requests a second",
                       [](const SecondSample& s) { return s.refused; });
  body += DrawOverTime(runs, "Waiting at the door and in the engine", "requests",
                       [](const SecondSample& s) { return s.door_waiting + s.engine_waiting; });
  body += DrawOverTime(runs, "Connections", "open",
                       [](const SecondSample& s) { return s.connections; });
  const std::string title = runs.empty() ? "Simulation" : "Simulation: " + runs.front().scenario;
  return charts::MakePage(title, body);
}

std::string RunsToText(std::span<const SimulationRun> runs) {
  std::string text = fmt::format("{:<16} {:>5} {:<15} {:>9} {:>8} {:>9} {:>8} {:>8} {:>10} {:>8}\n",
                                 "scenario", "load", "door", "goodput/s", "wishes", "tokens/s",
                                 "p99 s", "blocked", "hostile", "waits");
  for (const SimulationRun& run : runs) {
    const KindResult honest = run.result.honest();
    const KindResult hostile = run.result.hostile();
    text += fmt::format(
        "{:<16} {:>5} {:<15} {:>9.2f} {:>6.2f} % {:>9.0f} {:>8.2f} {:>6.2f} % {:>10} {:>8}\n",
        run.scenario, run.load > 0 ? fmt::format("{:g}x", run.load) : "", DoorKindWord(run.door),
        run.result.honest_goodput_per_s(), 100 * Share(honest.good, honest.wishes),
        static_cast<double>(honest.smooth_tokens) / run.result.measured_s,
        honest.first_token.QuantileSeconds(0.99), 100 * Share(honest.blocked, honest.wishes),
        hostile.served, PercentOrNothing(run.result.waits_within_20_percent, run.result.waits));
  }
  return text + PossibleToText(runs);
}

}  // namespace holdfast::drill
