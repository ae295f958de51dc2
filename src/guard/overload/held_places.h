// HeldPlaces: what callers who are known (they have history, or were here in quiet time) held of
// the engine of late stays theirs. All others together may have the rest of the places, and an
// eighth of all where that is less. Else whoever comes with long answers or reads slowly needs to
// find the places free for one moment only, and holds them for minutes. While the others hold
// theirs for much longer than the known do, a standard deviation of what the known hold is kept
// besides: no place comes free when they need one more.
//
// How many places there are is what the limit on answers in the engine says. The limit of an engine
// that tells nothing of itself is a guess, above what it has. So all together may be one more than
// were ever written at once, and who waits in the engine has no place; and once as many have been
// written while others waited in the engine, that is how many places there are, for a minute.
// Single-threaded; O(1).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "guard/clock.h"

namespace holdfast::guard {

class HeldPlaces {
 public:
  // To be told as time goes on, about twenty times a second.
  void Advance(Time now) {
    const double seconds = ToSeconds(now - now_);
    const double change = static_cast<double>(known_) - usual_;
    // Who had to wait for a place would have held more.
    const bool had_room = now - missed_ >= kMissedFor;
    if (had_room || change > 0) usual_ += (1 - std::exp(-seconds / kMemory)) * change;
    most_written_ = std::max<double>(most_written_ * std::exp(-seconds / kMostMemory), written_);
    now_ = now;
  }

  void OnMissed(bool is_known, Time now) {
    if (is_known) missed_ = now;
  }
  void OnStart(bool is_known, std::uint32_t answers, Time now) {
    Of(is_known) += answers;
    if (!is_known) others_since_ += answers * ToSeconds(now.time_since_epoch());
  }
  void OnFirstToken(std::uint32_t answers) {
    written_ += answers;
    most_written_ = std::max<double>(most_written_, written_);
  }
  // Who had its first token waited for it in the engine for too long.
  void OnQueue(Time now) {
    if (known_ + others_ > written_ && written_ + 1 >= most_written_) full_until_ = now + kFullFor;
  }
  void OnFinish(bool is_known, bool had_first_token, std::uint32_t answers, Time start, Time now) {
    Of(is_known) -= answers;
    if (had_first_token) written_ -= answers;
    if (is_known) {
      known_stay_ += kStayGain * (ToSeconds(now - start) - known_stay_);
    } else {
      others_since_ -= answers * ToSeconds(start.time_since_epoch());
    }
  }

  // `limit`: on answers in the engine at once.
  bool MayStart(bool is_known, std::uint32_t answers, double limit) const {
    if (is_known || usual_ < kFew) return true;
    const double seen = now_ < full_until_ ? most_written_ : most_written_ + 1;
    const double places = std::min(limit, seen);
    const double left = places - usual_ - (AreOthersLong() ? std::sqrt(usual_) : 0);
    const double theirs = std::max({left, kLeastShare * places, 1.0});
    return others_ == 0 || static_cast<double>(others_ + answers) <= theirs;
  }

 private:
  static constexpr double kMemory = 60;  // Seconds.
  static constexpr double kMostMemory = 3600;
  static constexpr Duration kMissedFor = std::chrono::seconds(3);
  static constexpr Duration kFullFor = std::chrono::seconds(60);
  static constexpr double kStayGain = 1.0 / 32;
  static constexpr double kLong = 2;
  static constexpr double kFew = 0.5;  // Places, for which none are kept.
  static constexpr double kLeastShare = 0.125;

  bool AreOthersLong() const {
    if (others_ == 0) return false;
    const double age = ToSeconds(now_.time_since_epoch()) - others_since_ / others_;
    return age > kLong * known_stay_;
  }
  std::uint32_t& Of(bool is_known) { return is_known ? known_ : others_; }

  std::uint32_t known_ = 0;  // Answers in the engine.
  std::uint32_t others_ = 0;
  std::uint32_t written_ = 0;  // Of both, after their first token.
  double most_written_ = 0;
  double others_since_ = 0;            // The sum of the times at which they started, in seconds.
  double known_stay_ = 0;              // Seconds that one of the known is in the engine, of late.
  double usual_ = 0;                   // Of the known, in the mean of late.
  Time missed_ = Time{} - kMissedFor;  // When one of them last found no place.
  Time full_until_{};
  Time now_{};
};

}  // namespace holdfast::guard
