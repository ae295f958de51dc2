// Bundle: everything that a verdict was computed from and what it claims, in one JSON file, so that
// anybody can recompute every figure (verify.h). docs/formats/verdict-bundle.md.
//
// It holds no personal data: callers, groups and prompts are numbers made for this bundle alone and
// given in an order that a secret shuffles; when a request came is told to the second, how long it
// took to a tenth. The judge runs on these coarse rows, so that all recomputes equal. Sizes are
// limited, and what an outsider's file says is checked before it is used.
//
// Whoever makes a bundle chooses nothing of how it is judged: thresholds and the calibration of the
// odds are pinned by the version, the seed is a digest of the inputs, and the odds of a client are
// computed from what the detectors saw. Free functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/signing_key.h"
#include "guard/clock.h"
#include "guard/evidence/calibration.h"
#include "json/json.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

inline constexpr std::size_t kBundleBytesMax = 64u << 20;
inline constexpr std::size_t kBundleRecordsMax = 1u << 17;
inline constexpr std::size_t kBundleScoresMax = 1u << 17;
inline constexpr std::size_t kBundleStepsMax = 4096;  // Of capacity, provision, probes, gaps.

// How much work a judgement may be.
enum class Depth : std::uint8_t {
  kEarly,  // While the incident goes on.
  kFinal,
};
// All else of how a bundle of this version is judged.
verdict::JudgeOptions JudgementOf(Depth depth);

struct Bundle {
  std::int64_t zero_unix_s = 0;  // Unix time of the input's time zero.
  Depth depth = Depth::kFinal;
  verdict::JudgeInput input{};
  json::Value claims{};  // ClaimsOf() the verdict on the above.
  // Who signed the above, as "ed25519:" and the key in base64url; of a bundle that was read, its
  // signature holds. Empty: it is not signed.
  std::string signer{};
  std::string signature{};  // Base64url.
};

// The draws of a judgement: a digest of all that it rests on.
std::uint64_t SeedOf(const Bundle& bundle);
// What the claims are of.
verdict::Verdict JudgeBundle(const Bundle& bundle);

struct JudgedBundle {
  Bundle bundle;
  verdict::Verdict verdict;
  guard::Time zero{};  // Of the bundle, on the clock of the input that it was made of.
};

// Of what is known of an incident: cuts what the verdict does not need (of an incident of more than
// a day, all but its last day), makes it coarse, re-keys it with `secret` (random, not kept) and
// judges what is left, so that the claims are true of the bundle's own input. With any calibration
// but the one in force, of which a drill asks what it would have said, the bundle does not verify.
JudgedBundle MakeBundle(const verdict::JudgeInput& input, Depth depth, std::int64_t zero_unix_s,
                        std::uint64_t secret,
                        const guard::Calibration& calibration = guard::kCalibration);

// Every figure and sentence that a bundle claims.
json::Value ClaimsOf(const verdict::Verdict& verdict, std::int64_t zero_unix_s);

// Puts the instance's signature under all that the bundle says.
void Sign(Bundle& bundle, const crypto::SigningKey& key);

std::string WriteBundle(const Bundle& bundle);

// Errors: kTooLarge (over a limit); kCorrupt (a section is not what the manifest says; the message
// names it; or what is signed is something else); kInvalidArgument (not a bundle; the message names
// section, row and field); kUnsupported (a version we do not know).
[[nodiscard]] Result<Bundle> ReadBundle(std::string_view text);

// The name by which a bundle is published: SHA-256 of its file.
std::string BundleDigest(std::string_view text);

}  // namespace holdfast::incidents
