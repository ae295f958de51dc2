// For tests: who comes to a StubService, to which engine, and what became of it. Value types.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "guard/overload/admission.h"
#include "guard/overload/stub_engine.h"

namespace holdfast::guard {

struct StubCrowd {
  double rate = 20;  // Requests a second.
  double start_s = 0;
  double end_s = 1e9;
  std::uint64_t clients = 1000;
  std::uint64_t first_client = 1;
  Standing standing = Standing::kHistory;
  bool is_batch = false;
  double prompt_mean = 600;
  double output_mean = 200;
  double sigma = 0.7;       // Of the logarithm of both.
  int retries = 0;          // After a refusal.
  bool is_patient = false;  // Retries when told to; else at once.
  bool tells_attempt = true;
};

struct StubScenario {
  StubEngine::Profile engine{};
  AdmissionOptions options{};
  std::vector<StubCrowd> crowds{};
  double seconds = 120;
  double measured_from_s = 30;
  bool has_reports = true;
  bool counts_tokens = true;  // Else a prompt's bytes are all that is known of it.
  std::uint64_t seed = 1;
  // Called ten times a second.
  std::function<void(double seconds, StubEngine& engine, EngineReport& report)> fault{};
  std::function<void(double seconds, const AdmissionCounters& counters, Rung rung)> watch{};
};

// Of the measured time, by crowd: arrivals that first came in it, ends that fell in it.
struct StubResult {
  struct Crowd {
    std::uint64_t people = 0;   // Requests, however often retried.
    std::uint64_t good = 0;     // Served within the service level, from the last attempt on.
    std::uint64_t late = 0;     // Served, but not within it.
    std::uint64_t refused = 0;  // Gave up.
    std::uint64_t expired = 0;
    std::array<std::uint64_t, kRefusalCount> refusals{};  // Of single attempts.
    double good_cost = 0;                // Tokens of input and twice those of output.
    std::uint64_t retries_told = 0;      // Came back when they were told to,
    std::uint64_t retries_told_met = 0;  // and were taken.
    std::vector<double> first_tokens;    // Seconds from arrival, of those served.
  };
  struct Wait {
    double time = 0;
    double estimated = 0;
    double real = 0;
    double low = 0;
    double high = 0;
  };
  std::vector<Crowd> crowds;
  std::vector<double> first_tokens;  // Seconds from arrival, of those served.
  std::vector<Wait> waits;
  AdmissionCounters counters;
  Rung rung = Rung::kOpen;
  std::vector<double> good_times;  // Of the ends of good answers.
};

}  // namespace holdfast::guard
