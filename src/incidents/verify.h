// Verify: recomputes every figure of a bundle from its input with the code that made it, and says
// what is not as claimed. It cannot know whether the input itself is true: that is what the digest
// is for, under which the bundle was published at the time. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "incidents/bundle.h"

namespace holdfast::incidents {

struct Verification {
  Bundle bundle;
  // E.g. "claims.shares.attack.median: claimed 0.81, recomputed 0.79". Empty: all is as claimed.
  std::vector<std::string> differences{};
};

// Errors: those of ReadBundle.
[[nodiscard]] Result<Verification> Verify(std::string_view text);

// What differs between two JSON values, by path; at most `count_max`.
std::vector<std::string> Differences(const json::Value& claimed, const json::Value& computed,
                                     const std::string& path, std::size_t count_max = 20);

}  // namespace holdfast::incidents
