#include "drill/incident_folder.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/mix.h"
#include "drill/live_judge.h"
#include "drill/simulation.h"
#include "incidents/bundle.h"
#include "json/json.h"

namespace holdfast::drill {
namespace {

namespace fs = std::filesystem;

std::string_view EndingWord(guard::Ending ending) {
  static constexpr std::array<std::string_view, guard::kEndingCount> kWords = {
      "served", "refused", "abandoned", "failed"};
  return kWords[static_cast<std::size_t>(ending)];
}

std::string_view StandingWord(guard::Standing standing) {
  static constexpr std::array<std::string_view, guard::kStandingCount> kWords = {"anonymous", "new",
                                                                                 "history"};
  return kWords[static_cast<std::size_t>(standing)];
}

std::string_view RouteWord(guard::Route route) {
  static constexpr std::array<std::string_view, guard::kRouteCount> kWords = {
      "page", "register", "login", "chat", "api"};
  return kWords[static_cast<std::size_t>(route)];
}

class Writer final : public Observer {
 public:
  explicit Writer(const fs::path& folder)
      : requests_(folder / "requests.csv"), capacity_(folder / "capacity.csv") {
    requests_ << "arrival_s,route,standing,client,address,prefix,fingerprint,payload,attempt,"
                 "prompt_tokens,output_tokens,tokens_max,ending,refusal,first_token_s,"
                 "token_interval_s,end_s,caller_kind,is_hostile\n";
    capacity_ << "time_s,engine_share,workers_up,workers_total,batch_share,limits_share\n";
  }

  void OnOutcome(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome,
                 const Truth& truth) override {
    const guard::Caller& caller = facts.caller;
    requests_ << fmt::format(
        "{:.6f},{},{},{:016x},{:016x},{:016x},{:016x},{:016x},{},{},{},{},{},{},{:.6f},{:.6f},"
        "{:.6f},{},{}\n",
        guard::ToSeconds(facts.time), RouteWord(facts.route), StandingWord(facts.standing),
        caller.client(), caller.address, caller.prefix, caller.fingerprint, facts.payload,
        facts.attempt, facts.prompt_tokens, outcome.output_tokens, facts.tokens_max,
        EndingWord(outcome.ending), guard::RefusalWord(outcome.refusal),
        guard::ToSeconds(outcome.first_token), guard::ToSeconds(outcome.token_interval),
        guard::ToSeconds(outcome.time), CallerKindWord(truth.kind), truth.is_hostile() ? 1 : 0);
  }

  void OnCapacity(const CapacityChange& change) override {
    capacity_ << fmt::format("{:.6f},{},{},{},{},{}\n", guard::ToSeconds(change.time),
                             change.engine_share, change.workers_up, change.workers_total,
                             change.batch_share, change.limits_share);
  }

  bool Close() {
    requests_.close();
    capacity_.close();
    return requests_.good() && capacity_.good();
  }

 private:
  std::ofstream requests_;
  std::ofstream capacity_;
};

json::Object Describe(const LabelledIncident& incident) {
  json::Object shares;
  if (incident.incident_class != IncidentClass::kUnknown) {
    for (int cause = 0; cause < verdict::kCauseCount; ++cause) {
      shares[verdict::CauseWord(static_cast<verdict::Cause>(cause))] = incident.shares[cause];
    }
  }
  return {{"seed", incident.seed},
          {"class", IncidentClassWord(incident.incident_class)},
          {"label", verdict::LabelWord(LabelOf(incident.incident_class))},
          {"true_shares", shares},
          {"onset_s", guard::ToSeconds(incident.onset)},
          {"length_s", guard::ToSeconds(incident.scenario.length)},
          {"lost_requests", incident.lost},
          {"lost_without_cause", incident.lost_at_best},
          {"redraws", incident.redraws}};
}

// The worst incident that the judge saw, if any.
Result<std::optional<std::string>> WriteBundle(const LabelledIncident& incident,
                                               const fs::path& path) {
  LiveJudge judge(incident.scenario, LiveJudgeOptions::For(incident));
  Simulate(incident.scenario, &judge);
  judge.Finish(guard::Time(incident.scenario.length));
  const JudgedIncident* worst = judge.worst();
  std::error_code error;
  if (worst == nullptr) {
    fs::remove(path, error);
    return std::optional<std::string>();
  }
  std::ofstream file(path, std::ios::binary);
  file << incidents::WriteBundle(worst->bundle);
  file.close();
  if (!file.good()) return Fail(ErrnoError(fmt::format("{}: writing the bundle", path.string())));
  TRY_ASSIGN(std::string label, json::RequireString(worst->bundle.claims.as_object(), "label"));
  return std::optional(std::move(label));
}

}  // namespace

Result<std::optional<std::string>> WriteIncident(const LabelledIncident& incident,
                                                 const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Fail(ErrorCode::kIo, "{}: {}", folder.string(), error.message());
  Writer writer(folder);
  Simulate(incident.scenario, &writer);
  std::ofstream summary(folder / "incident.json");
  summary << json::Write(Describe(incident)) << '\n';
  summary.close();
  if (!writer.Close() || !summary.good()) {
    return Fail(ErrnoError(fmt::format("{}: writing the incident", folder.string())));
  }
  return WriteBundle(incident, folder / "bundle.json");
}

}  // namespace holdfast::drill
