// ConductLaws: what callers do when they are not served, learned from the journal by kind (those of
// a group on a route that allow alike many tokens, where there is enough of it, else all of the
// same class): whether and when they come again, how long they wait for a first token, and how long
// answers are. Empirical laws in bounded samples; a draw is a function of a hash, so that the same
// request does the same in every world. Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "verdict/words.h"

namespace holdfast::verdict {

// How an attempt was lost; each has its own law of coming again.
enum class LossKind : std::uint8_t { kRefused, kAbandoned, kFailed };
inline constexpr int kLossKindCount = static_cast<int>(LossKind::kFailed) + 1;

class ConductLaws {
 public:
  struct Key {
    std::uint64_t group = 0;
    Route route = Route::kChat;
    Standing standing = Standing::kAnonymous;
    bool is_batch = false;
    std::uint32_t tokens_max = 0;  // Those who allow alike, to a power of two, get alike.
  };

  // A kind's number, from 0; new ones are made up to kKindsMax, then groups share their class.
  std::uint16_t KindOf(const Key& key);
  void AddAnswer(std::uint16_t kind, std::uint32_t output_tokens);
  // Left after `wait`, or was given a first token or sent away then.
  void AddWait(std::uint16_t kind, Duration wait, bool has_left);
  // `delay` from the loss to the next attempt; none: it gave up. `told`: Retry-After, 0: none.
  void AddLoss(std::uint16_t kind, LossKind loss, int attempt, Duration told,
               std::optional<Duration> delay);
  // A person's request has ended, answered or not; `pause` until the next one, none: the
  // conversation was over.
  void AddTurn(std::uint16_t kind, bool was_answered, std::optional<Duration> pause);
  // Once, before the first draw.
  void Finish();

  // `hash` is uniform in all of these. `at_least` where no longer answer was ever seen.
  std::uint32_t DrawAnswer(std::uint16_t kind, std::uint32_t at_least, std::uint64_t hash) const;
  // Given that it has waited for `waited` already. Duration::max(): it does not leave.
  Duration DrawPatience(std::uint16_t kind, Duration waited, std::uint64_t hash) const;
  struct Return {
    bool comes = false;
    Duration delay{0};
  };
  Return DrawReturn(std::uint16_t kind, LossKind loss, int attempt, Duration told,
                    std::uint64_t hash) const;
  // The share of requests after which the conversation goes on.
  double TurnShare(std::uint16_t kind, bool was_answered) const;
  Duration DrawPause(std::uint16_t kind, std::uint64_t hash) const;  // After an answer.
  // A delay seen after being told one time, as it would be after being told another: who came when
  // he was told would do so again, who came before does not listen, and who came long after had his
  // own time, but would not have come before he was told.
  static Duration Shift(Duration delay, Duration then_told, Duration told);

  // A longer Retry-After is not waited for (official SDKs: 60 s; people hardly longer).
  static constexpr Duration kHeededMax = std::chrono::seconds(120);

 private:
  static constexpr int kAttemptsMax = 5;  // Later ones share a law.
  static constexpr std::size_t kSamplesMax = 512;
  static constexpr std::size_t kKindsMax = 1024;
  static constexpr double kEnough = 20;  // Observations that make a law of its own.

  struct ReturnLaw {
    double losses = 0;
    std::uint32_t returns = 0;
    std::vector<std::pair<Duration, Duration>> delays;  // And what they had been told.
  };
  struct TurnLaw {
    double ends = 0;  // Of requests, answered or not,
    std::uint32_t turns = 0;
    std::vector<Duration> pauses;
  };
  struct Law {
    std::uint16_t wider = 0;       // Itself: the widest.
    std::array<TurnLaw, 2> turns;  // By whether there was an answer.
    std::uint32_t answers_seen = 0;
    std::uint32_t waits_seen = 0;
    std::vector<std::uint32_t> answers;
    std::vector<std::pair<Duration, bool>> waits;  // And whether it left then.
    std::vector<double> staying;                   // By waits: the share that stays for longer.
    // By loss, attempt, and whether the caller was told a time that it might heed.
    std::array<std::array<std::array<ReturnLaw, 2>, kAttemptsMax>, kLossKindCount> returns;
  };

  std::uint16_t Find(std::uint64_t conduct, std::uint64_t group, std::uint16_t wider);
  template <typename Sees>
  void Each(std::uint16_t kind, Sees sees);
  template <typename IsEnough>
  const Law& Narrowest(std::uint16_t kind, IsEnough is_enough) const;

  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint16_t> index_;
  std::vector<Law> laws_;
};

}  // namespace holdfast::verdict
