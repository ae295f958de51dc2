// Scenario: everything a simulation depends on. The same scenario gives the same result, to the
// bit.
//
// Every caller has its own stream of random numbers, keyed by (seed, index of its group, its index
// in it), and so do its marks for thinning: removing or thinning some callers leaves what the
// others would do unchanged. Value types.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drill/caller_kind.h"
#include "guard/clock.h"
#include "guard/facts.h"
#include "verdict/engine/engine_profile.h"

namespace holdfast::drill {

using guard::Duration;
using guard::Time;

// A line of a trace (drill/traces.h).
struct TracedRequest {
  Duration at{0};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
};

// Token counts of a group's requests: log-normal, cut at the maxima. The defaults are fitted to the
// Azure conversation trace of 2023 (means 1,155 and 211 tokens).
struct Lengths {
  double prompt_median = 780;
  double prompt_sigma = 0.9;
  double output_median = 146;
  double output_sigma = 0.86;
  std::uint32_t prompt_max = 14'000;
  std::uint32_t output_max = 1'000;
  std::uint32_t tokens_max = 0;  // max_tokens that the requests name; 0: none.
  // Where there are samples, a length is one of them and the law above is not used.
  std::shared_ptr<const std::vector<TracedRequest>> samples{};
};

// How a program tries again after a refusal or a failure.
struct RetryLaw {
  int retries_max = 2;
  Duration backoff_min = std::chrono::milliseconds(500);  // Doubles, with jitter of -25 %,
  Duration backoff_max = std::chrono::seconds(8);         // up to this,
  Duration obeyed_max = std::chrono::seconds(60);         // or Retry-After, where it is not longer.
};
inline constexpr RetryLaw kSdkRetries{};
// At once, three times, whatever it is told.
inline constexpr RetryLaw kNaiveRetries{3, Duration(0), Duration(0), Duration(0)};

// People in sessions: a page, a log-in or sign-up, then turns of asking, reading and thinking.
struct People {
  CallerKind kind = CallerKind::kRegular;
  std::uint32_t count = 0;
  Lengths lengths{};
  double turns_mean = 5;  // Geometric.
  double think_median_s = 18;
  double think_sigma = 0.9;
  double read_tokens_per_s = 12;  // Scatters by person, as does everything above.
  double away_mean_s = 1200;      // Between sessions.
  double patience_median_s = 20;  // For the first token; then the person leaves the request,
  double returns_share = 0.5;     // and asks again a little later with this chance.
  double login_share = 0.2;       // Sessions that begin with a log-in.
  double page_share = 0.97;       // Sessions that load the page (others have it open); a
                                  // first visit always does.
  double typo_share = 0.05;       // Log-ins with a wrong password at first.
  double elsewhere_share = 0;     // People who log in from where they never were before.
  std::uint32_t people_per_address = 1;
  std::uint32_t fingerprints = 40;       // Browsers in use; a few are common, most are rare.
  double MeanRequestsPerSecond() const;  // For generation, when nothing is slow.
};

// People who come because of an event: first-time visitors mostly, with the same prompt from the
// same phones. Arrivals rise linearly, stay and fall.
struct FlashCrowd {
  Time start{};
  Duration rise = std::chrono::minutes(2);
  Duration hold = std::chrono::minutes(5);
  Duration fall = std::chrono::minutes(5);
  double visitors_per_s = 0;  // At its height.
  double first_visit_share = 0.9;
  double signs_up_share = 0.3;  // Of first-time visitors; the others ask without an account.
  double viral_share = 0.5;     // Asks what everybody asks, at first.
  double shared_share = 0.7;    // Comes with the one most common fingerprint.
  People visitor{.kind = CallerKind::kVisitor, .turns_mean = 2.5};
};

enum class ArrivalLaw : std::uint8_t { kPoisson, kGamma, kWeibull };

// A stretch of a program's arrivals (ServeGen: one of 10 minutes).
struct RateWindow {
  Duration length{0};
  double rate_per_s = 0;
  ArrivalLaw law = ArrivalLaw::kPoisson;
  double shape = 1;  // Of the Gamma or Weibull law; the scale follows from the rate.
};

// API programs that all behave alike but for their streams.
struct Programs {
  CallerKind kind = CallerKind::kProgram;
  std::uint32_t count = 0;
  std::vector<RateWindow> windows{};  // Of each program; repeated when they are over.
  Lengths lengths{};
  RetryLaw retries{};
  double timeout_s = 60;  // For the first token.
  guard::Standing standing = guard::Standing::kHistory;
  std::uint32_t keys_per_account = 1;
  bool tells_patience = false;
};

// Requests of a trace, each a wish of one of `callers` programs or people.
struct TraceReplay {
  std::shared_ptr<const std::vector<TracedRequest>> requests;  // In order of time.
  Time start{};
  double compression = 1;  // 10: ten times as fast. Repeats from its start until the run ends.
  std::uint32_t callers = 200;
  RetryLaw retries{};
  double timeout_s = 30;
  double history_share = 0.7;  // Of callers; the others have new accounts.
  guard::Route route = guard::Route::kApi;
};

struct Attack {
  CallerKind kind = CallerKind::kLowRateFlood;
  Time start{};
  Time end{};
  std::uint32_t sources = 0;   // Addresses.
  double rate_per_s = 0;       // Of all sources together: requests, or connections, or guesses.
  double account_share = 0.5;  // Of sources with an account made before,
  double history_share = 0.0;  // and of sources whose account was bought, with history.
  std::uint32_t sources_per_prefix = 4;
  std::uint32_t fingerprints = 3;  // Of its own tools,
  double browser_share = 0.2;      // or copied from common browsers.
  std::uint32_t payloads = 200;    // Different prompts, up to near equality.
  Lengths lengths{};
  double page_share = 0.0;  // Loads a page first.
  double read_share = 0.9;  // Takes the answer to the end.
  double patience_s = 30;
  std::uint32_t victims = 100'000;  // Accounts that stuffing guesses at,
  double reused_share = 0.002;      // and whose password it has;
  double customer_share = 0;        // some are of people of this scenario.
  double solves_share = 0.1;        // Of sources that solve a proof of work,
  double confirms_share = 0.02;     // or can confirm an ordinary mail address.
  double disposable_share = 0.5;    // Of sign-ups with a throw-away mail address.
  double hold_s = 120;              // How long a slow connection tries to stay.
};

enum class FaultKind : std::uint8_t {
  kSlow,         // Engine speed falls to `share`.
  kStall,        // Engine makes no step.
  kWorkersDown,  // Only `share` of the workers are up; the requests of the others are lost.
  kCrash,        // All workers go down; they come back at `end`.
  kSmallBatch,   // Misconfiguration: batches of `share` of their size.
  kTightLimits,  // Misconfiguration: rate limits and queue at `share` of what they should be.
  kUplink,       // `share` of what is sent does not reach the host.
  kBlind,        // The journal is not written.
};
inline constexpr int kFaultKindCount = static_cast<int>(FaultKind::kBlind) + 1;
// "slow", "stall", "workers_down", "crash", "small_batch", "tight_limits", "uplink", "blind".
std::string_view FaultKindWord(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kSlow;
  Time start{};
  Time end{};
  double share = 0;
};

// What the front door has besides the engine.
struct DoorResources {
  std::uint32_t connections_max = 16'384;
  double handshake_s = 150e-6;     // CPU time of a TLS handshake,
  double handshake_cores = 2;      // on so many cores.
  double password_hash_s = 60e-3;  // CPU time of checking or making a password,
  double password_cores = 2;       // on so many.
  double page_s = 50e-6;
  Duration head_timeout = std::chrono::seconds(10);
  Duration body_timeout = std::chrono::seconds(30);
  Duration write_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(20);  // After a handshake without a request.
};

// Who decides at the door: the guard, or one of what others run.
enum class DoorKind : std::uint8_t {
  kGuard,
  kFifo,           // No limits; the engine's own unbounded queue.
  kAddressLimit,   // Per address a leaky bucket, as nginx's limit_req.
  kSourceBan,      // CrowdSec's generic rule: bucket of 5 a source, one leak per 10 s, then a ban.
  kAdaptiveLimit,  // A concurrency limit by the gradient of latency, first come first served.
};
inline constexpr int kDoorKindCount = static_cast<int>(DoorKind::kAdaptiveLimit) + 1;
// "guard", "fifo", "address_limit", "source_ban", "adaptive_limit".
std::string_view DoorKindWord(DoorKind kind);

// Which causes of loss are present; a counterfactual run leaves some out.
struct Causes {
  bool hostile = true;        // Else hostile callers do not come.
  bool demand = true;         // Else honest wishes are thinned to the provisioned level.
  bool lost_capacity = true;  // Else faults do not happen.
};

struct Scenario {
  std::string name;
  std::uint64_t seed = 1;
  Duration length = std::chrono::minutes(10);
  Duration warm_up = std::chrono::seconds(60);  // Not counted in results.
  DoorKind door = DoorKind::kGuard;
  DoorResources resources;
  verdict::EngineProfile engine;
  guard::ServiceLevel level;
  // The demand the service was built for, in weighted tokens (prompt + 2 x output) of honest wishes
  // a second; 0: whatever comes.
  double provisioned_cost_per_s = 0;
  Duration probe_interval = std::chrono::seconds(2);
  // What the engine sustains of such requests, and for how long after its first attempt a wish may
  // be tried again as it is told: then the result says what was possible at all. 0: not said.
  double capacity_per_s = 0;
  Duration returns_within{0};

  std::vector<People> people;
  std::vector<FlashCrowd> crowds;
  std::vector<Programs> programs;
  std::vector<TraceReplay> traces;
  std::vector<Attack> attacks;
  std::vector<Fault> faults;

  // What an ablation takes away (ablation.h).
  bool announces_regulars = true;
  bool everybody_is_new = false;
  int page_files = 1;  // Beyond one, the others come from a second address.

  Causes causes;
  // Share of honest wishes that are kept, per kThinningWindow; made by MeasureDemand() when
  // `causes` has no demand. Empty: all.
  std::vector<float> keep;
};
inline constexpr Duration kThinningWindow = std::chrono::seconds(10);

}  // namespace holdfast::drill
