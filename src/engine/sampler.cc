#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "engine/random.h"

namespace holdfast::engine {
namespace {

// Tokens this many nats below the best are left out: even 2^20 of them together weigh less than
// 1e-11 of the best one.
constexpr float kNegligibleNats = 40.0f;

using Candidate = Sampler::Candidate;

// Best first; a total order, so the result does not depend on the sorting algorithm.
bool IsBetter(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// The best token; none if there is a NaN or the greatest logit is not finite.
std::optional<Candidate> FiniteBest(std::span<const float> logits) {
  // Lanes side by side, so that the compiler can use vector registers; in chunks, so that the best
  // token's place is then looked for in one of them only.
  constexpr std::size_t kLanes = 16;
  constexpr std::size_t kChunk = 64 * kLanes;
  float max = -std::numeric_limits<float>::infinity();
  std::span<const float> chunk_of_max = logits.first(0);
  std::int32_t has_nan = 0;
  for (std::size_t begin = 0; begin < logits.size(); begin += kChunk) {
    const auto chunk = logits.subspan(begin, std::min(kChunk, logits.size() - begin));
    std::array<float, kLanes> greatest;
    greatest.fill(-std::numeric_limits<float>::infinity());
    std::array<std::int32_t, kLanes> is_nan{};
    const std::size_t whole = chunk.size() / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float logit = chunk[i + lane];
        greatest[lane] = logit > greatest[lane] ? logit : greatest[lane];
        is_nan[lane] |= logit != logit;
      }
    }
    float chunk_max = *std::ranges::max_element(greatest);
    for (const float logit : chunk.subspan(whole)) {
      chunk_max = std::max(chunk_max, logit);
      has_nan |= std::isnan(logit);
    }
    for (const std::int32_t lane : is_nan) has_nan |= lane;
    if (chunk_max > max) {
      max = chunk_max;
      chunk_of_max = chunk;
    }
  }
  if (has_nan != 0 || !std::isfinite(max)) return std::nullopt;
  const float* place = &*std::ranges::find(chunk_of_max, max);
  return Candidate{max, static_cast<TokenId>(place - logits.data())};
}

// log(sum(exp(logits))), relative to `max`.
double LogSumExp(std::span<const float> logits, float max) {
  double sum = 0;
  for (const float logit : logits) {
    if (logit > max - kNegligibleNats) sum += std::exp(logit - max);
  }
  return max + std::log(sum);
}

// The `count` best tokens, best first, with their log-probabilities.
std::vector<std::pair<TokenId, float>> BestTokens(std::span<const float> logits, std::size_t count,
                                                  double log_sum) {
  std::vector<Candidate> best;  // Sorted; most logits fail the first comparison.
  count = std::min(count, logits.size());
  best.reserve(count + 1);
  for (std::size_t id = 0; count > 0 && id < logits.size(); ++id) {
    if (best.size() == count && !(logits[id] > best.back().logit)) continue;
    const Candidate candidate{logits[id], static_cast<TokenId>(id)};
    best.insert(std::ranges::upper_bound(best, candidate, IsBetter), candidate);
    if (best.size() > count) best.pop_back();
  }
  std::vector<std::pair<TokenId, float>> result;
  for (const Candidate& token : best) {
    result.emplace_back(token.id, static_cast<float>(token.logit - log_sum));
  }
  return result;
}

// The worst of the smallest set of best candidates that weighs at least `mass`. Halves the field
// by selection, as a full sort of a flat distribution would cost most of a step. Reorders.
template <typename Weight>
Candidate WorstOfMass(std::span<Candidate> field, double mass, Weight&& weight) {
  while (field.size() > 1) {
    const std::size_t half = field.size() / 2;
    std::nth_element(field.begin(), field.begin() + half, field.end(), IsBetter);
    double better = 0;
    for (const Candidate& candidate : field.first(half)) better += weight(candidate);
    if (better >= mass) {
      field = field.first(half);
    } else {
      field = field.subspan(half);
      mass -= better;
    }
  }
  return field.front();
}

// Drops what is worse than `worst`. The rest stays in order of id, so that the draw does not depend
// on how the selection shuffled.
void DropWorseThan(const Candidate& worst, std::vector<Candidate>& candidates) {
  std::erase_if(candidates, [&](const Candidate& other) { return IsBetter(worst, other); });
}

Result<void> CheckRange(const char* name, float value, float min, float max) {
  if (value >= min && value <= max) return {};
  return Fail(ErrorCode::kInvalidArgument, "{} is {}, must be in [{}, {}]", name, value, min, max);
}

}  // namespace

Result<void> CheckSamplingParams(const SamplingParams& params, std::int64_t vocab_size) {
  TRY(CheckRange("temperature", params.temperature, 0, kTemperatureMax));
  TRY(CheckRange("top_p", params.top_p, 0, 1));
  TRY(CheckRange("min_p", params.min_p, 0, 1));
  TRY(CheckRange("repetition_penalty", params.repetition_penalty, 1 / kPenaltyMax, kPenaltyMax));
  TRY(CheckRange("presence_penalty", params.presence_penalty, -kPenaltyMax, kPenaltyMax));
  TRY(CheckRange("frequency_penalty", params.frequency_penalty, -kPenaltyMax, kPenaltyMax));
  if (params.top_k < 0) {
    return Fail(ErrorCode::kInvalidArgument, "top_k is {}, must not be negative", params.top_k);
  }
  if (params.top_logprobs < -1 || params.top_logprobs > kTopLogprobsMax) {
    return Fail(ErrorCode::kInvalidArgument, "top_logprobs is {}, must be at most {}",
                params.top_logprobs, kTopLogprobsMax);
  }
  if (static_cast<std::int64_t>(params.logit_bias.size()) > kLogitBiasCountMax) {
    return Fail(ErrorCode::kInvalidArgument, "logit_bias has {} entries, at most {} are taken",
                params.logit_bias.size(), kLogitBiasCountMax);
  }
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= vocab_size) {
      return Fail(ErrorCode::kInvalidArgument, "logit_bias names token {} of a vocabulary of {}",
                  token, vocab_size);
    }
    TRY(CheckRange("logit_bias", bias, -kLogitBiasMax, kLogitBiasMax));
  }
  return {};
}

Sampler::Sampler(const SamplingParams& params, std::uint64_t seed, std::span<const TokenId> prompt)
    : params_(params), seed_(seed) {
  if (params_.repetition_penalty == 1) return;
  for (const TokenId token : prompt) Count(token, 0);
}

bool Sampler::has_penalties() const {
  return params_.repetition_penalty != 1 || params_.presence_penalty != 0 ||
         params_.frequency_penalty != 0;
}

void Sampler::Count(TokenId token, std::int32_t answer_count) {
  const auto [place, is_new] = place_in_seen_.try_emplace(token, seen_.size());
  if (is_new) seen_.push_back({token, 0});
  seen_[place->second].answer_count += answer_count;
}

void Sampler::Accept(TokenId token) {
  if (has_penalties()) Count(token, 1);
}

std::optional<TokenEvent> Sampler::Sample(std::span<const float> logits, std::int64_t index,
                                          Scratch& scratch) const {
  const std::optional<Candidate> model_best = FiniteBest(logits);
  if (!model_best) return std::nullopt;
  std::optional<Candidate> best = model_best;
  std::span<const float> adjusted = logits;
  if (!params_.logit_bias.empty() || !seen_.empty()) {
    scratch.logits.assign(logits.begin(), logits.end());
    Adjust(scratch.logits);
    adjusted = scratch.logits;
    best = FiniteBest(adjusted);
    if (!best) return std::nullopt;
  }
  TokenEvent event;
  event.id = params_.temperature == 0 ? best->id : Draw(adjusted, best->logit, index, scratch);
  if (params_.top_logprobs >= 0) {
    const double log_sum = LogSumExp(logits, model_best->logit);
    event.logprob = static_cast<float>(logits[event.id] - log_sum);
    event.top_logprobs =
        BestTokens(logits, static_cast<std::size_t>(params_.top_logprobs), log_sum);
  }
  return event;
}

void Sampler::Adjust(std::span<float> logits) const {
  for (const auto& [token, bias] : params_.logit_bias) logits[token] += bias;
  for (const Seen& seen : seen_) {
    float& logit = logits[seen.id];
    // Towards "less likely" on both sides of zero (Keskar et al., "CTRL", arXiv 1909.05858, 4.1).
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    if (seen.answer_count == 0) continue;
    logit -= params_.presence_penalty +
             params_.frequency_penalty * static_cast<float>(seen.answer_count);
  }
}

// One pass over the vocabulary keeps what can matter; everything dearer works on those few.
TokenId Sampler::Draw(std::span<const float> logits, float max, std::int64_t index,
                      Scratch& scratch) const {
  const double inverse_temperature = 1.0 / static_cast<double>(params_.temperature);
  // In floats: a relative error of 1e-7 in a probability is far below what any test could see.
  const auto weight = [&](const Candidate& candidate) {
    const double nats = (static_cast<double>(candidate.logit) - max) * inverse_temperature;
    return static_cast<double>(std::exp(static_cast<float>(nats)));
  };
  float nats = kNegligibleNats;
  if (params_.min_p > 0) nats = std::min(nats, -std::log(params_.min_p));
  const float threshold = max - nats * params_.temperature;
  std::vector<Candidate>& candidates = scratch.candidates;
  candidates.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] >= threshold) candidates.push_back({logits[id], static_cast<TokenId>(id)});
  }
  std::vector<Candidate>& field = scratch.field;
  if (const auto k = static_cast<std::size_t>(params_.top_k); k > 0 && k < candidates.size()) {
    field = candidates;
    const auto worst = field.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(field.begin(), worst, field.end(), IsBetter);
    DropWorseThan(*worst, candidates);
  }
  if (params_.top_p < 1) {
    field = candidates;
    double total = 0;
    for (const Candidate& candidate : field) total += weight(candidate);
    DropWorseThan(WorstOfMass(field, params_.top_p * total, weight), candidates);
  }
  std::vector<double>& weights = scratch.weights;
  weights.clear();
  double total = 0;
  for (const Candidate& candidate : candidates) {
    weights.push_back(weight(candidate));
    total += weights.back();
  }
  double left = RandomUnit(seed_, static_cast<std::uint64_t>(index)) * total;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    left -= weights[i];
    if (left < 0) return candidates[i].id;
  }
  // Rounding left a rest of the mass beyond the last candidate. There is one: the best is kept.
  CHECK(!candidates.empty());
  return candidates.back().id;
}

}  // namespace holdfast::engine
