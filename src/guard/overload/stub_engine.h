// For tests: a small engine with continuous batching, step by step. Deterministic. Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "guard/overload/admission.h"

namespace holdfast::guard {

// Steps: each takes base + per_sequence * decoding + per_prompt_token * prompt tokens of the step,
// and gives every decoding sequence a token. Prompts are taken in order, in chunks.
class StubEngine {
 public:
  struct Profile {
    double base_s = 0.012;
    double per_sequence_s = 60e-6;
    double per_prompt_token_s = 20e-6;
    std::uint32_t sequences_max = 128;
    std::uint32_t chunk_tokens = 512;
  };
  struct Event {
    TicketId id = 0;
    bool is_first = false;
    bool is_last = false;
  };

  explicit StubEngine(const Profile& profile) : profile_(profile) {}

  void Submit(TicketId id, std::uint32_t prompt, std::uint32_t output) {
    queue_.push_back({id, prompt, output});
  }
  void SetSpeed(double speed) { speed_ = speed; }
  void SetSequencesMax(std::uint32_t count) { profile_.sequences_max = count; }
  bool is_idle() const { return queue_.empty() && decoding_.empty() && prefilling_.empty(); }
  std::uint32_t running() const {
    return static_cast<std::uint32_t>(decoding_.size() + prefilling_.size());
  }
  std::uint64_t tokens() const { return tokens_; }

  // Seconds that the next step takes; what comes out of it appears in `events`.
  double Step(std::vector<Event>& events) {
    while (!queue_.empty() && running() < profile_.sequences_max) {
      prefilling_.push_back(queue_.front());
      queue_.pop_front();
    }
    const std::size_t decoding = decoding_.size();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < decoding; ++i) {
      Sequence& sequence = decoding_[i];
      ++tokens_;
      if (--sequence.output == 0) {
        events.push_back({.id = sequence.id, .is_last = true});
      } else {
        decoding_[kept++] = sequence;
      }
    }
    decoding_.resize(kept);
    std::uint32_t chunk = profile_.chunk_tokens;
    while (!prefilling_.empty() && chunk > 0) {
      Sequence& sequence = prefilling_.front();
      const std::uint32_t taken = std::min(chunk, sequence.prompt);
      sequence.prompt -= taken;
      chunk -= taken;
      if (sequence.prompt > 0) break;
      ++tokens_;
      const bool is_last = --sequence.output == 0;
      events.push_back({.id = sequence.id, .is_first = true, .is_last = is_last});
      if (!is_last) decoding_.push_back(sequence);
      prefilling_.pop_front();
    }
    const double prompt_tokens = profile_.chunk_tokens - chunk;
    return (profile_.base_s + profile_.per_sequence_s * static_cast<double>(decoding) +
            profile_.per_prompt_token_s * prompt_tokens) /
           speed_;
  }

 private:
  struct Sequence {
    TicketId id = 0;
    std::uint32_t prompt = 0;
    std::uint32_t output = 0;
  };

  Profile profile_;
  double speed_ = 1;
  std::deque<Sequence> queue_;
  std::deque<Sequence> prefilling_;
  std::vector<Sequence> decoding_;
  std::uint64_t tokens_ = 0;
};

}  // namespace holdfast::guard
