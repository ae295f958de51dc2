// Score: what came of a rehearsal, from its record and its truth. A wish is what somebody wanted:
// its first attempt and all retries. An answer is good when it came in full, its first token within
// the plan's service level since the attempt began, and its tokens at the level's mean interval; a
// wish is good when some attempt's answer is good counted from when the wish was due. Value types
// and pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rehearsal/record.h"

namespace holdfast::rehearsal {

struct Spread {
  std::uint64_t count = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};
// Empty: all zero.
Spread SpreadOf(std::vector<double> values_ms);

// Of a label, a group, or a phase's honest callers.
struct Tally {
  std::uint64_t attempts = 0;  // For answers.
  std::uint64_t wishes = 0;
  std::uint64_t good_wishes = 0;
  std::uint64_t good_answers = 0;
  std::uint64_t blocked_wishes = 0;  // Refused for who they are held to be, not for want of room.
  std::uint64_t tokens = 0;
  std::array<std::uint64_t, kEndCount> ends{};
  std::map<int, std::uint64_t> refused_by_status;
  std::map<std::string, std::uint64_t> refused_by_reason;
  Spread first_token;  // Since the attempt began.
  Spread refusal;      // From its beginning to its end.

  double good_share() const {
    return wishes == 0 ? 0 : static_cast<double>(good_wishes) / static_cast<double>(wishes);
  }
};

// Of attempts that are no chat.
struct ActTally {
  std::uint64_t attempts = 0;
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
};

struct GroupScore {
  std::string name;
  std::string kind;
  Label label = Label::kHonest;
  Tally tally;
};

struct PhaseScore {
  Phase phase;
  double wishes_per_s = 0;        // Honest, by when they were due.
  double good_answers_per_s = 0;  // By when they ended.
  Tally tally;                    // Of honest wishes due in it.
};

// First estimates of a wait against what it came to, of those who stayed to the first token.
struct WaitScore {
  std::uint64_t told = 0;
  std::uint64_t ended = 0;
  std::uint64_t within_20_percent = 0;
  std::uint64_t within_20_percent_or_100_ms = 0;
  Spread error;
};

struct MemoryScore {
  std::string process;
  double first_mib = 0;
  double max_mib = 0;
  double last_mib = 0;
  double growth_mib() const { return max_mib - first_mib; }
};

struct RecoveryScore {
  double load_start_s = 0;
  double load_end_s = 0;
  double good_share_before = 0;
  double good_share_during = 0;
  double good_share_after = 0;
  std::optional<double> recovered_s = {};  // After the load's end; nullopt: not before the run's.
};

struct SecondScore {
  double honest_wishes = 0;
  double good_answers = 0;
  double honest_refused = 0;
  double hostile_answers = 0;
  double first_token_p99_ms = 0;
};

struct BesideScore {
  double good_wishes_share = 0;  // Of the unattacked run.
  double good_answers_ratio = 0;
  double first_token_p99_ratio = 0;
};

struct Score {
  std::string plan;
  bool is_unattacked = false;
  double seconds = 0;
  std::array<Tally, kLabelCount> labels;
  std::array<std::array<ActTally, kActCount>, kLabelCount> acts;
  std::vector<GroupScore> groups;
  std::vector<PhaseScore> phases;
  std::vector<SecondScore> by_second;
  WaitScore waits;  // Of all callers: what one is told is to be true for anybody.
  std::vector<MemoryScore> memory;
  std::optional<RecoveryScore> recovery;  // Where some group does not last the whole run.
  std::optional<double> token_fairness;   // Jain's index over clients that ask without end.
  Spread lateness;  // Of the generator: from when an attempt was due to when it began.
  std::optional<BesideScore> beside;

  const Tally& honest() const { return labels[static_cast<int>(Label::kHonest)]; }
  const Tally& hostile() const { return labels[static_cast<int>(Label::kHostile)]; }
  double good_answers_per_s() const {
    return seconds > 0 ? static_cast<double>(honest().good_answers) / seconds : 0;
  }
};

Score ScoreOf(const Record& record);
void SetBeside(Score& score, const Score& unattacked);

// (sum x)^2 / (n sum x^2); 1 when empty.
double JainIndex(const std::vector<double>& shares);

}  // namespace holdfast::rehearsal
