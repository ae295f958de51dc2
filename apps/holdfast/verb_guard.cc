// holdfast guard list | show ID | undo ID | report | rehearsed: what the running gateway's guard
// has decided, and how its likeness was measured.
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/guard_console.h"

namespace holdfast {
namespace {

constexpr std::int64_t kTimeMax = std::numeric_limits<std::int64_t>::max();

struct GuardOptions {
  ServiceOptions service;
  std::string id;
  bool has_ended = false;
  bool is_json = false;
};

std::string TimeText(std::int64_t time_ms) {
  const std::time_t time = time_ms / 1000;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Result<std::string> LineOf(const json::Object& decision) {
  std::vector<std::string> words;
  for (const char* key : {"id", "state", "action", "scope", "name", "rule"}) {
    TRY_ASSIGN(std::string word, json::RequireString(decision, key));
    words.push_back(std::move(word));
  }
  TRY_ASSIGN(const std::int64_t expires_at, json::RequireInt(decision, "expires_at", 0, kTimeMax));
  return fmt::format("{}  {}  {} {} {}  {}  until {}", words[0], words[1], words[2], words[3],
                     words[4], words[5], TimeText(expires_at));
}

Result<void> PrintDecision(const json::Object& decision) {
  TRY_ASSIGN(const std::string line, LineOf(decision));
  fmt::print("{}\n", line);
  TRY_ASSIGN(const json::Array* const evidence, json::RequireArray(decision, "evidence", 16));
  for (const json::Value& one : *evidence) {
    if (!one.is_object()) continue;
    TRY_ASSIGN(const std::string detector, json::RequireString(one.as_object(), "detector"));
    TRY_ASSIGN(const double value, json::NumberOr(one.as_object(), "value", 0));
    TRY_ASSIGN(const double llr, json::NumberOr(one.as_object(), "llr", 0));
    fmt::print("    {} {:.3g}, log-likelihood ratio {:.3g}\n", detector, value, llr);
  }
  TRY_ASSIGN(const std::string by, json::StringOr(decision, "ended_by", ""));
  if (!by.empty()) fmt::print("    undone by {}\n", by);
  return {};
}

// Of a member that may be null.
json::Object WithoutNulls(const json::Object& object) {
  json::Object told;
  for (const auto& [key, value] : object) {
    if (!value.is_null()) told[key] = value;
  }
  return told;
}

Result<void> List(const server::Config& config, const GuardOptions& options) {
  json::Object question{{"act", "guard-list"}, {"state", options.has_ended ? "ended" : "in_force"}};
  while (true) {
    TRY_ASSIGN(const json::Object page, server::AskGuard(config, question));
    TRY_ASSIGN(const json::Array* const decisions, json::RequireArray(page, "decisions", 1024));
    for (const json::Value& one : *decisions) {
      if (!one.is_object()) return Fail(ErrorCode::kIo, "the gateway's answer is not understood");
      if (options.is_json) {
        fmt::print("{}\n", json::Write(one));
        continue;
      }
      TRY_ASSIGN(const std::string line, LineOf(one.as_object()));
      fmt::print("{}\n", line);
    }
    const json::Value* const next = json::Find(page, "next");
    if (next == nullptr || !next->is_string()) return {};
    question["cursor"] = *next;
  }
}

Result<void> AboutOne(const server::Config& config, const GuardOptions& options, const char* act) {
  TRY_ASSIGN(const json::Object told, server::AskGuard(config, {{"act", act}, {"id", options.id}}));
  if (options.is_json) {
    fmt::print("{}\n", json::Write(told));
    return {};
  }
  return PrintDecision(WithoutNulls(told));
}

Result<void> PrintReport(const json::Object& report) {
  TRY_ASSIGN(const std::string why, json::RequireString(report, "why"));
  TRY_ASSIGN(const bool is_enforced, json::BoolOr(report, "is_enforced", false));
  TRY_ASSIGN(const std::int64_t asked, json::RequireInt(report, "asked", 0, kTimeMax));
  TRY_ASSIGN(const std::int64_t accused, json::RequireInt(report, "accused", 0, kTimeMax));
  TRY_ASSIGN(const double bound, json::NumberOr(report, "upper_bound", 1));
  TRY_ASSIGN(const double bound_max, json::NumberOr(report, "accused_max", 0));
  TRY_ASSIGN(const double days, json::NumberOr(report, "days", 0));
  fmt::print("likeness to an attack: {}. {}\n", is_enforced ? "enforced" : "in shadow", why);
  fmt::print("{} requests of accounts in good standing outside of incidents, {} accused\n", asked,
             accused);
  fmt::print("upper 95 % bound of the share accused: {:.4f} %, at most {:.4f} % wanted\n",
             100 * bound, 100 * bound_max);
  const json::Object told = WithoutNulls(report);
  for (const auto& [key, words] : {std::pair{"since", "counted since"},
                                   {"rehearsed_at", "rehearsed"},
                                   {"fell_back_at", "fell back to shadow"}}) {
    TRY_ASSIGN(const std::int64_t time, json::IntOr(told, key, 0, 0, kTimeMax));
    if (time != 0) fmt::print("{} {}\n", words, TimeText(time));
  }
  fmt::print("{:.1f} days\n", days);
  TRY_ASSIGN(const json::Array* const rules, json::RequireArray(report, "rules", 64));
  for (const json::Value& one : *rules) {
    if (!one.is_object()) continue;
    TRY_ASSIGN(const std::string rule, json::RequireString(one.as_object(), "rule"));
    TRY_ASSIGN(const std::string action, json::RequireString(one.as_object(), "action"));
    TRY_ASSIGN(const std::int64_t count, json::RequireInt(one.as_object(), "accused", 0, kTimeMax));
    TRY_ASSIGN(const double upper, json::NumberOr(one.as_object(), "upper_bound", 1));
    fmt::print("    {} {}: {} accused, bound {:.4f} %\n", rule, action, count, 100 * upper);
  }
  return {};
}

Result<void> Report(const server::Config& config, const GuardOptions& options, const char* act) {
  TRY_ASSIGN(const json::Object report, server::AskGuard(config, {{"act", act}}));
  if (!options.is_json) return PrintReport(report);
  fmt::print("{}\n", json::Write(report));
  return {};
}

using Act = std::function<Result<void>(const server::Config&, const GuardOptions&)>;

CLI::App* AddAct(CLI::App& verb, const char* name, const char* help, const Act& act,
                 const std::shared_ptr<GuardOptions>& options, int& exit_code) {
  CLI::App* one = verb.add_subcommand(name, help);
  AddServiceOptions(*one, options->service);
  one->add_flag("--json", options->is_json, "Print JSON");
  one->callback([act, options, &exit_code] {
    exit_code = RunService(options->service, "guard",
                           [&](server::Config& config) { return act(config, *options); });
  });
  return one;
}

Act OfOne(const char* act) {
  return [act](const server::Config& config, const GuardOptions& options) {
    return AboutOne(config, options, act);
  };
}

Act OfReport(const char* act) {
  return [act](const server::Config& config, const GuardOptions& options) {
    return Report(config, options, act);
  };
}

}  // namespace

void AddGuard(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<GuardOptions>();
  CLI::App* verb = app.add_subcommand("guard", "Decisions of the running service's guard");
  verb->require_subcommand(1);
  AddAct(*verb, "list", "Who is limited, by what rule, until when", List, options, exit_code)
      ->add_flag("--ended", options->has_ended, "Those that have ended lately instead");
  AddAct(*verb, "show", "A decision with its evidence", OfOne("guard-show"), options, exit_code)
      ->add_option("id", options->id, "dec_...")
      ->required();
  AddAct(*verb, "undo", "End a decision, and pardon whom it was about", OfOne("guard-undo"),
         options, exit_code)
      ->add_option("id", options->id, "dec_...")
      ->required();
  AddAct(*verb, "report", "How often likeness to an attack would have accused people wrongly",
         OfReport("guard-report"), options, exit_code);
  AddAct(*verb, "rehearsed", "A live drill was held: it stands for the days of the measurement",
         OfReport("guard-rehearsed"), options, exit_code);
}

}  // namespace holdfast
