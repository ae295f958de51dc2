// Bundle: everything that a verdict was computed from and what it claims, in one JSON file, so that
// anybody can recompute every figure (verify.h). docs/formats/verdict-bundle.md.
//
// It holds no personal data: callers, groups and prompts are numbers made for this bundle alone and
// given in an order that a secret shuffles; times are in milliseconds. Sizes are limited, and what
// an outsider's file says is checked before it is used. Free functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

inline constexpr std::size_t kBundleBytesMax = 64u << 20;
inline constexpr std::size_t kBundleRecordsMax = 1u << 17;
inline constexpr std::size_t kBundleScoresMax = 1u << 17;
inline constexpr int kBundleDrawsMax = 64;
inline constexpr std::size_t kBundleAttemptsMax = 4'000'000;

struct Bundle {
  std::int64_t zero_unix_s = 0;  // Unix time of the input's time zero.
  std::uint64_t seed = 0;        // Below 2^53, as the following numbers of a bundle.
  verdict::JudgeInput input{};
  verdict::JudgeOptions options{};
  json::Value claims{};  // ClaimsOf() the verdict on the above.
};

// Of a judgement: cuts what the verdict does not need (of an incident of more than a day, all but
// its last day), re-keys with `secret` (random, not kept) and judges what is left, so that the
// claims are true of the bundle's own input.
Bundle MakeBundle(const verdict::JudgeInput& input, std::uint64_t seed,
                  const verdict::JudgeOptions& options, std::int64_t zero_unix_s,
                  std::uint64_t secret);

// Every figure and sentence that a bundle claims.
json::Value ClaimsOf(const verdict::Verdict& verdict, std::int64_t zero_unix_s);

std::string WriteBundle(const Bundle& bundle);

// Errors: kTooLarge (over a limit); kCorrupt (a section is not what the manifest says; the message
// names it); kInvalidArgument (not a bundle; the message names section, row and field);
// kUnsupported (a version we do not know).
[[nodiscard]] Result<Bundle> ReadBundle(std::string_view text);

// The name by which a bundle is published: SHA-256 of its file.
std::string BundleDigest(std::string_view text);

}  // namespace holdfast::incidents
