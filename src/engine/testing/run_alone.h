// The answer a request must get, whatever else the engine is doing: the fake model's logits for the
// growing list of tokens, the request's own sampler, no cache and no batch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"
#include "engine/testing/fake_model.h"

namespace holdfast::engine::testing {

// Tokens delivered before a stop token or max_tokens; `request` has a seed and no poison.
inline std::vector<TokenId> RunAlone(const Request& request) {
  std::vector<TokenId> tokens = request.prompt;
  Sampler sampler(request.sampling, request.sampling.seed.value(), tokens);
  Sampler::Scratch scratch;
  for (std::int64_t i = 0; i < request.max_tokens; ++i) {
    const TokenId token = sampler.Sample(FakeModel::LogitsAfter(tokens), i, scratch).value().id;
    if (std::ranges::find(request.stop_ids, token) != request.stop_ids.end()) break;
    tokens.push_back(token);
    sampler.Accept(token);
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(request.prompt.size()), tokens.end()};
}

}  // namespace holdfast::engine::testing
