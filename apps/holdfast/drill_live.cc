// holdfast drill live: load, attacks and faults over real sockets, against one's own instance on
// this machine's loopback; its score; and an engine of known capacity to try it with.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "holdfast/drill_options.h"
#include "holdfast/drill_verbs.h"
#include "rehearsal/accounts_file.h"
#include "rehearsal/engine.h"
#include "rehearsal/run.h"
#include "rehearsal/score.h"
#include "rehearsal/score_report.h"
#include "server/process_signals.h"
#include "weights/atomic_file.h"

namespace holdfast {
namespace {

struct LiveOptions {
  std::string plan;
  std::string out;
  std::vector<std::string> processes;
  rehearsal::PlanChanges changes;
  rehearsal::RunOptions run;
};

// "engine=123" each.
Result<std::map<std::string, pid_t>> ParseProcesses(const std::vector<std::string>& texts) {
  std::map<std::string, pid_t> processes;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const int pid = equals == std::string::npos ? 0 : std::atoi(text.c_str() + equals + 1);
    if (pid <= 1) {
      return Fail(ErrorCode::kInvalidArgument, "--process: '{}' is not NAME=PID", text);
    }
    processes[text.substr(0, equals)] = pid;
  }
  return processes;
}

Result<void> RunLive(LiveOptions options) {
  TRY_ASSIGN(options.changes.processes, ParseProcesses(options.processes));
  TRY_ASSIGN(const rehearsal::Plan plan, rehearsal::ReadPlan(options.plan, options.changes));
  options.run.folder = options.out;
  TRY_ASSIGN(const rehearsal::RunSummary summary, rehearsal::Run(plan, options.run));
  fmt::print("{} attempts in {:.1f} s, recorded in {}\n", summary.attempts, summary.seconds,
             options.out);
  return {};
}

Result<void> ScoreLive(const std::string& folder, const std::string& beside) {
  TRY_ASSIGN(const rehearsal::Record record, rehearsal::ReadRecord(folder));
  rehearsal::Score score = rehearsal::ScoreOf(record);
  if (!beside.empty()) {
    TRY_ASSIGN(const rehearsal::Record unattacked, rehearsal::ReadRecord(beside));
    rehearsal::SetBeside(score, rehearsal::ScoreOf(unattacked));
  }
  const std::filesystem::path path(folder);
  TRY(weights::WriteWholeFile(path / "score.json", rehearsal::ScoreToJson(score)));
  TRY(weights::WriteWholeFile(path / "score.html", rehearsal::ScoreToHtml(score)));
  fmt::print("{}", rehearsal::ScoreToText(score));
  return {};
}

Result<void> ServeEngine(const std::string& listen, rehearsal::EngineOptions options) {
  server::ProcessSignals signals;
  TRY_ASSIGN(options.listen, net::ParseEndpoint(listen));
  TRY_ASSIGN(const std::unique_ptr<rehearsal::ScriptedEngine> engine,
             rehearsal::ScriptedEngine::Open(options));
  log::info("a scripted engine listens on {}, {} tokens/s in {} slots",
            engine->endpoint().ToString(), options.tokens_per_s, options.slots);
  signals.Wait();
  return {};
}

void AddScore(CLI::App& live, int& exit_code) {
  const auto folder = std::make_shared<std::string>();
  const auto beside = std::make_shared<std::string>();
  CLI::App* verb = live.add_subcommand("score", "Read a run and its truth, and say how it went");
  verb->add_option("folder", *folder, "The run's folder; score.json and score.html go there")
      ->required()
      ->check(CLI::ExistingDirectory);
  verb->add_option("--beside", *beside, "The folder of the same plan's run with --sink")
      ->check(CLI::ExistingDirectory);
  verb->callback([=, &exit_code] { ReportDrill(ScoreLive(*folder, *beside), exit_code); });
}

void AddEngine(CLI::App& live, int& exit_code) {
  const auto listen = std::make_shared<std::string>("127.0.0.1:8090");
  const auto options = std::make_shared<rehearsal::EngineOptions>();
  CLI::App* verb =
      live.add_subcommand("engine", "Stand in for a model, with a capacity known exactly");
  verb->add_option("--listen", *listen, "HOST:PORT on the loopback, or unix:PATH");
  verb->add_option("--model", options->model, "Its model's name");
  verb->add_option("--tokens-per-second", options->tokens_per_s, "Of all answers together")
      ->check(CLI::Range(0.1, 1e6));
  verb->add_option("--slots", options->slots, "Answers made at once")->check(CLI::Range(1, 4096));
  verb->add_option("--answer-tokens", options->answer_tokens, "Where a prompt does not say")
      ->check(CLI::Range(1, 100'000));
  verb->add_option("--prompt-tokens-per-second", options->prompt_tokens_per_s,
                   "How fast prompts are read; 0: at once")
      ->check(CLI::Range(0.0, 1e9));
  verb->add_option("--waiting-max", options->waiting_max, "Requests that may wait in line");
  verb->add_option("--core", options->core, "Run on that core alone");
  verb->callback([=, &exit_code] { ReportDrill(ServeEngine(*listen, *options), exit_code); });
}

Result<void> MakeAccountsFile(const std::string& target, int count, bool is_through_proxy,
                              const std::string& out) {
  TRY_ASSIGN(const net::Endpoint endpoint, rehearsal::ParseTarget(target));
  rehearsal::Accounts accounts;
  const Result<void> made = rehearsal::MakeAccounts(endpoint, count, is_through_proxy, accounts);
  TRY(rehearsal::WriteAccounts(out, accounts));
  fmt::print("{} accounts in {}\n", accounts.people.size(), out);
  return made;
}

void AddAccounts(CLI::App& live, int& exit_code) {
  const auto target = std::make_shared<std::string>("http://127.0.0.1:8080");
  const auto out = std::make_shared<std::string>();
  const auto count = std::make_shared<int>(0);
  const auto is_through_proxy = std::make_shared<bool>(false);
  CLI::App* verb = live.add_subcommand(
      "accounts", "Sign people up with one's own instance, and write a plan's file of accounts");
  verb->add_option("--target", *target, "http://127.0.0.1:PORT");
  verb->add_option("--count", *count, "How many")
      ->required()
      ->check(CLI::Range(1, static_cast<int>(rehearsal::kAccountsMax)));
  verb->add_flag("--through-proxy", *is_through_proxy,
                 "Connect as a proxy on 127.0.0.1 that the service trusts");
  verb->add_option("--out", *out, "The file")->required();
  verb->callback([=, &exit_code] {
    ReportDrill(MakeAccountsFile(*target, *count, *is_through_proxy, *out), exit_code);
  });
}

}  // namespace

void AddDrillLive(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<LiveOptions>();
  CLI::App* verb = drill.add_subcommand(
      "live", "Load, attacks and faults over real sockets, against one's own instance here");
  verb->footer("Plans and commands: bench/siege/README.md");
  verb->add_option("--plan", options->plan, "A plan: JSON")->check(CLI::ExistingFile);
  verb->add_option("--out", options->out, "Folder for the record; made");
  verb->add_option("--target", options->changes.target, "http://127.0.0.1:PORT; else the plan's");
  verb->add_option("--accounts", options->changes.accounts, "Keys and people; else the plan's")
      ->check(CLI::ExistingFile);
  verb->add_option("--model", options->changes.model, "What is asked for; else the plan's");
  verb->add_option("--process", options->processes, "NAME=PID to watch, and for faults");
  verb->add_option("--rate-times", options->changes.rate_times, "Every rate, times this")
      ->check(CLI::Range(0.001, 1000.0));
  verb->add_flag("--through-proxy", options->changes.is_through_proxy,
                 "Connect as a proxy on 127.0.0.1 that the service trusts: log-ins need HTTPS");
  verb->add_flag("--sink", options->run.uses_sink,
                 "The unattacked run: hostile groups are aimed at a sink, and faults left out");
  verb->add_option("--core", options->run.core, "Run the generator on that core alone");
  AddScore(*verb, exit_code);
  AddEngine(*verb, exit_code);
  AddAccounts(*verb, exit_code);
  verb->require_subcommand(0, 1);
  verb->callback([=, &exit_code] {
    if (!verb->get_subcommands().empty()) return;
    if (options->plan.empty() || options->out.empty()) {
      throw CLI::RequiredError("--plan and --out");
    }
    ReportDrill(RunLive(*options), exit_code);
  });
}

}  // namespace holdfast
