// Plan: everything a live rehearsal depends on: whom it is aimed at, for how long, and the groups
// of callers and faults that come. It is data, a JSON file, so that others add plans without a
// build; bench/siege/README.md describes the fields. Value types and free functions; thread-safe.
//
// A plan is refused, with the field named, when it names a field that there is not, goes over a
// limit below, or is aimed at anything but this machine's loopback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "net/endpoint.h"

namespace holdfast::rehearsal {

inline constexpr std::size_t kGroupsMax = 32;
inline constexpr std::size_t kPhasesMax = 64;
inline constexpr std::size_t kProcessesMax = 16;
inline constexpr std::int64_t kSecondsMax = 3'600;
inline constexpr std::int64_t kAddressesMax = 20'000;  // Of a group.
inline constexpr std::int64_t kClientsMax = 1'000'000;
inline constexpr std::int64_t kRequestsMax = 10'000'000;
inline constexpr std::int64_t kConnectionsMax = 50'000;  // At once.
inline constexpr double kRateMax = 20'000;               // Of a group, a second.
inline constexpr std::int64_t kPromptTokensMax = 1'000'000;
inline constexpr std::int64_t kOutputTokensMax = 1'000'000;

// What the callers of a group do. Each has one line in bench/siege/README.md.
enum class GroupKind : std::uint8_t {
  kPeople,
  kPrograms,
  kNaive,
  kCrowdPage,
  kCrowdApi,
  kSteady,
  kFlood,
  kLong,
  kAbandon,
  kSlowHead,
  kSlowBody,
  kSlowRead,
  kHandshakes,
  kStuffing,
  kSignUps,
  kMimic,
  kOneAccountMany,
  kStop,
  kKill,
  kSlow,
  kFillDisk,
};
inline constexpr int kGroupKindCount = static_cast<int>(GroupKind::kFillDisk) + 1;
std::string_view GroupKindWord(GroupKind kind);  // "crowd_page"
// Its clients ask again as soon as they are answered, and come at no rate.
constexpr bool AsksWithoutEnd(GroupKind kind) {
  return kind == GroupKind::kSteady || kind == GroupKind::kOneAccountMany;
}

// The truth about a group. Nothing but the score may know it.
enum class Label : std::uint8_t { kHonest, kHostile, kFault };
inline constexpr int kLabelCount = static_cast<int>(Label::kFault) + 1;
std::string_view LabelWord(Label label);

struct Group {
  std::string name;
  GroupKind kind = GroupKind::kPeople;
  Label label = Label::kHonest;
  double start_s = 0;
  double end_s = 0;
  double rise_s = 0;  // The rate grows linearly for so long after the start.

  double rate = 0;      // Wishes, connections or attempts a second, of the whole group.
  std::string trace;    // When they come and how long they are; empty: Poisson.
  double peak = 1.4;    // As of drill::SegmentOptions.
  int network = 0;      // Addresses are 127.network.0.0 and on.
  int addresses = 1;    // Client k comes from address k mod this.
  int clients = 0;      // Who come again and again; 0: each arrival is somebody new.
  int connections = 1;  // Of each client at once, where it asks without end.
  double pause_s = 0;   // Between two of those.

  int prompt_tokens = 200;  // Median; scatters by prompt_sigma.
  double prompt_sigma = 0.6;
  int output_tokens = 32;
  double output_sigma = 0;
  int max_tokens = 0;     // That requests name; 0: none.
  bool is_alike = false;  // All ask the same.
  bool is_streamed = true;

  // Of clients that have an account of the plan's file: a key, or before the page a session's
  // cookie,
  double keyed_share = 0;
  int key_first = 0;  // taken from there on.
  double turns = 4;   // Mean of a person's session.
  double think_s = 4;
  double patience_s = 30;  // For a first token.
  double returns = 0.5;    // The chance that a person who was refused comes again, once.

  int leave_tokens = 1;     // An abandoner leaves after so many.
  double hold_s = 60;       // How long a slow one stays,
  double interval_s = 1;    // and how long it waits between two bytes.
  bool asks_after = false;  // A new account asks for an answer at once.

  // Of a fault.
  std::string process;
  double run_share = 0.5;  // Of the time, that a slowed process runs.
  std::string folder;      // On the small file system that is filled.
};

struct Phase {
  std::string name;
  double start_s = 0;
  double end_s = 0;
};

struct ServiceLevel {
  double first_token_ms = 2'000;
  double token_interval_ms = 200;  // Mean of an answer.
};

struct Plan {
  std::string name;
  net::Endpoint target;  // A numeric address of 127.0.0.0/8.
  std::string model = "scripted";
  double seconds = 0;
  double drain_s = 10;  // What is under way at the end may last so much longer.
  std::uint64_t seed = 1;
  ServiceLevel slo;
  std::int64_t requests_max = 2'000'000;
  std::int64_t connections_max = 10'000;
  std::string accounts;  // A file (rehearsal/accounts_file.h); empty: none.
  // Everybody connects from 127.0.0.1 as from a proxy that the service trusts, which names the
  // caller's address, and HTTPS as its way. Passwords and sessions of others than this machine's
  // own user need HTTPS.
  bool is_through_proxy = false;
  // To watch, and for faults. In a file 0 stands for one that the command line names.
  std::map<std::string, pid_t> processes;
  std::vector<Phase> phases;
  std::vector<Group> groups;
  std::string text;  // As it was read, for the record.
};

// What the command line says in the file's stead.
struct PlanChanges {
  std::string target = {};
  std::string accounts = {};
  std::string model = {};
  std::map<std::string, pid_t> processes = {};
  double rate_times = 1;  // Every rate, times this.
  bool is_through_proxy = false;
};

// Errors: kInvalidArgument and kTooLarge, naming the field; kIo (the file); kPermissionDenied: the
// target is not on the loopback, or a process is not ours.
[[nodiscard]] Result<Plan> ParsePlan(std::string_view text, const PlanChanges& changes = {});
// Of a record: its processes may be gone, so they are not looked at.
[[nodiscard]] Result<Plan> ParseOldPlan(std::string_view text);
// Names of files in it are relative to its folder.
[[nodiscard]] Result<Plan> ReadPlan(const std::filesystem::path& path,
                                    const PlanChanges& changes = {});

// "http://127.0.0.1:8080". Errors: kInvalidArgument, kPermissionDenied.
[[nodiscard]] Result<net::Endpoint> ParseTarget(std::string_view text);

}  // namespace holdfast::rehearsal
