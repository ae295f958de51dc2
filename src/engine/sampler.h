// Sampler: one request's choice of its next token from a row of logits. Owned by its sequence; used
// by the engine thread only. Order of operations: logit bias, penalties, temperature, min-p, top-k,
// top-p, one draw.
//
// The draw is a pure function of (seed, index of the token in the answer), see engine/random.h.
// Greedy at temperature 0: the greatest logit, at a tie the lowest id. Repetition penalty counts
// prompt and answer; presence and frequency penalties the answer alone. Log-probabilities are those
// of the model itself, before bias, penalties and temperature.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace holdfast::engine {

// Limits of SamplingParams that are not in the nature of the parameter.
inline constexpr float kTemperatureMax = 100.0f;
inline constexpr float kPenaltyMax = 100.0f;
inline constexpr float kLogitBiasMax = 1000.0f;
inline constexpr std::int64_t kLogitBiasCountMax = 1024;
inline constexpr std::int32_t kTopLogprobsMax = 64;

// kInvalidArgument with the parameter's name and range.
[[nodiscard]] Result<void> CheckSamplingParams(const SamplingParams& params,
                                               std::int64_t vocab_size);

class Sampler {
 public:
  // Working memory, shared by the samplers of one thread.
  struct Candidate {
    float logit;
    TokenId id;
  };
  struct Scratch {
    std::vector<Candidate> candidates;
    std::vector<Candidate> field;
    std::vector<double> weights;
    std::vector<float> logits;
  };

  // `params` passed CheckSamplingParams; `seed` is params.seed or one drawn for the request.
  Sampler(const SamplingParams& params, std::uint64_t seed, std::span<const TokenId> prompt);

  // Token number `index` of the answer. None when the logits hold a NaN or no finite maximum: the
  // model failed, and any choice would be invented.
  std::optional<TokenEvent> Sample(std::span<const float> logits, std::int64_t index,
                                   Scratch& scratch) const;

  // Counts a token of the answer for the penalties.
  void Accept(TokenId token);

 private:
  struct Seen {
    TokenId id;
    std::int32_t answer_count;
  };
  bool has_penalties() const;
  void Count(TokenId token, std::int32_t answer_count);
  void Adjust(std::span<float> logits) const;
  TokenId Draw(std::span<const float> logits, float max, std::int64_t index,
               Scratch& scratch) const;

  SamplingParams params_;
  std::uint64_t seed_;
  std::vector<Seen> seen_;  // Distinct tokens, only kept when a penalty asks for them.
  std::unordered_map<TokenId, std::size_t> place_in_seen_;
};

}  // namespace holdfast::engine
