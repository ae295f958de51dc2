// ConductLaws: what callers do when they are not served, learned from the journal by kind (group
// and route where there is enough of it, else route and standing): whether and when they come
// again, how long they wait for a first token, and how long answers are. Empirical laws in bounded
// samples; draws are functions of a hash, so that the same request does the same in every world.
// Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "guard/clock.h"
#include "guard/facts.h"

namespace holdfast::guard {

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
  };

  // Learning: kinds first, then what they did. `weight` as in the journal.
  std::uint16_t KindOf(const Key& key);
  void AddAnswer(std::uint16_t kind, std::uint32_t output_tokens);
  void AddWait(std::uint16_t kind, Duration wait, bool has_left);
  // `delay` from the loss to the next attempt, negative: none came. `told`: Retry-After.
  void AddLoss(std::uint16_t kind, LossKind loss, int attempt, Duration told, Duration delay);
  void Finish();

  // `hash`: uniform. Answers never seen come from a wider kind; 0 where nothing is known at all.
  std::uint32_t DrawAnswer(std::uint16_t kind, std::uint64_t hash) const;
  // Given that it has waited for `waited` already. Duration::max(): does not leave.
  Duration DrawPatience(std::uint16_t kind, Duration waited, std::uint64_t hash) const;
  struct Return {
    bool comes = false;
    Duration delay{0};
  };
  Return DrawReturn(std::uint16_t kind, LossKind loss, int attempt, Duration told,
                    std::uint64_t hash) const;
  // Whether callers of this kind heed a Retry-After of up to kHeededMax.
  bool Heeds(std::uint16_t kind) const;

  static constexpr Duration kHeededMax = std::chrono::seconds(60);

 private:
  static constexpr int kAttemptsMax = 5;   // Later ones share a law.
  static constexpr int kSamplesMax = 512;  // Of a law.
  static constexpr int kKindsMax = 1024;   // Then kinds without a group.
  static constexpr double kEnough = 20;    // Observations that make a law of its own.

  struct ReturnLaw {
    double losses = 0;
    double returns = 0;
    std::vector<Duration> delays;
  };
  struct Law {
    std::uint16_t wider = 0;  // Itself: the widest.
    std::vector<std::uint32_t> answers;
    std::vector<std::pair<Duration, bool>> waits;  // And whether it left then.
    std::vector<double> staying;  // By waits: share that stays beyond (Kaplan-Meier).
    std::array<std::array<ReturnLaw, kAttemptsMax>, kLossKindCount> returns;
    double told = 0;    // Returns after being told when,
    double heeded = 0;  // of which not before.
    std::uint32_t answers_seen = 0;
    std::uint32_t waits_seen = 0;
  };

  std::uint16_t Find(const Key& key, std::uint16_t wider);
  template <typename Sees>
  void Each(std::uint16_t kind, Sees sees);

  std::map<std::array<std::uint64_t, 2>, std::uint16_t> index_;
  std::vector<Law> laws_;
};

}  // namespace holdfast::guard
