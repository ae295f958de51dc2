#include "incidents/bundle.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/public_key.h"
#include "incidents/internal/fields.h"
#include "incidents/internal/rekey.h"
#include "incidents/internal/rows.h"
#include "incidents/internal/sections.h"
#include "incidents/sentences.h"

namespace holdfast::incidents {
namespace {

using guard::Duration;
using guard::Time;

constexpr std::string_view kFormat = "holdfast-verdict-bundle";
// One more with each change of the detectors, their coefficients or JudgeOptions: what a bundle
// claims was computed by those.
constexpr std::int64_t kVersion = 3;
// What callers did before the replayed time teaches their ways (ConductLaws).
constexpr Duration kLearned = std::chrono::seconds(60);
constexpr Duration kIncidentMax = std::chrono::hours(24);
constexpr Duration kGrain = std::chrono::milliseconds(1);
constexpr std::size_t kEarlyAttemptsMax = 250'000;

std::string Sha256Of(std::string_view text) {
  crypto::Sha256 digest;
  digest.Update(text);
  return crypto::HexDigest(digest.Finish());
}

json::Object Manifest(const std::vector<std::pair<std::string, json::Value>>& sections,
                      const json::Value& claims) {
  json::Object manifest;
  for (const auto& [name, value] : sections) manifest[name] = Sha256Of(json::Write(value));
  manifest["claims"] = Sha256Of(json::Write(claims));
  return manifest;
}

constexpr std::string_view kSignerPrefix = "ed25519:";

// What a signature is of: the digests of everything, under the name of the format.
std::string SignedText(const json::Object& manifest) {
  return fmt::format("{} {}\n{}", kFormat, kVersion, json::Write(manifest));
}

// Empty members of a bundle that nobody signed.
Result<void> ReadSignature(const json::Object& file, const json::Object& manifest, Bundle& bundle) {
  const json::Value* found = json::Find(file, "signature");
  if (found == nullptr) return {};
  TRY_ASSIGN(const json::Object* object, json::RequireObject(file, "signature"));
  TRY_ASSIGN(bundle.signer, json::RequireString(*object, "key"));
  TRY_ASSIGN(bundle.signature, json::RequireString(*object, "ed25519"));
  const auto fails = [] {
    return Fail(ErrorCode::kCorrupt, "the signature is not of this bundle by the key it names");
  };
  if (!bundle.signer.starts_with(kSignerPrefix) || object->size() != 2) return fails();
  const auto shown =
      crypto::DecodeBase64Url(std::string_view(bundle.signer).substr(kSignerPrefix.size()));
  const auto signature = crypto::DecodeBase64Url(bundle.signature);
  if (!shown || !signature) return fails();
  const auto key = crypto::PublicKey::OfEd25519(*shown);
  if (!key || !key->Verifies(SignedText(manifest), *signature)) return fails();
  return {};
}

Time Floor(Time time, Time zero) {
  return Time((time - zero).count() < 0 ? Duration{0} : (time - zero) / kGrain * kGrain);
}

// The records and scores that a verdict rests on, with times from `zero` on.
verdict::JudgeInput Cut(const verdict::JudgeInput& whole, const verdict::JudgeOptions& options,
                        Time zero) {
  verdict::JudgeInput input = whole;
  const Duration settle = whole.admission.level.first_token_max + options.lead_in;
  const Time end = std::min(whole.end, whole.now);
  const Time last = std::min(end + settle, whole.now);
  std::erase_if(input.records, [&](const verdict::JournalRecord& record) {
    return record.arrival < zero || record.arrival >= last || !guard::IsGeneration(record.route);
  });
  // Beyond the limit, the incident's middle stays.
  if (input.records.size() > kBundleRecordsMax) {
    const std::size_t extra = input.records.size() - kBundleRecordsMax;
    input.records.resize(input.records.size() - extra / 2);
    input.records.erase(input.records.begin(),
                        input.records.begin() + static_cast<std::ptrdiff_t>(extra - extra / 2));
  }
  for (verdict::JournalRecord& record : input.records) {
    record.arrival = Floor(record.arrival, zero);
  }
  input.end = Floor(end, zero);
  input.now = Floor(whole.now, zero);
  // What was in force at time zero begins there.
  for (verdict::CapacityStep& step : input.capacity.steps) step.time = Floor(step.time, zero);
  for (verdict::ProvisionedLevel& level : input.provision.levels) {
    level.from = Floor(level.from, zero);
  }
  std::erase_if(input.probes, [&](const auto& probe) { return probe.time < zero; });
  for (verdict::OutsideProbe& probe : input.probes) probe.time = Floor(probe.time, zero);
  std::erase_if(input.gaps, [&](const auto& gap) { return gap.to <= zero; });
  for (verdict::JournalGap& gap : input.gaps) {
    gap = {.from = Floor(gap.from, zero), .to = Floor(gap.to, zero)};
  }
  return input;
}

// At most kBundleStepsMax rows: the last in each stretch of time, as short as it can be. What was
// in force at the end of each stays true.
template <typename Row>
void ThinOut(std::vector<Row>& rows, Time Row::*time) {
  for (Duration stretch = kGrain; rows.size() > kBundleStepsMax; stretch *= 2) {
    std::vector<Row> kept;
    for (const Row& row : rows) {
      const auto at = [&](const Row& one) { return (one.*time).time_since_epoch() / stretch; };
      if (!kept.empty() && at(kept.back()) == at(row)) kept.pop_back();
      kept.push_back(row);
    }
    rows = std::move(kept);
  }
}

// Gaps that nearly touch become one: a gap is never hidden.
void JoinGaps(std::vector<verdict::JournalGap>& gaps) {
  for (Duration between = kGrain; gaps.size() > kBundleStepsMax; between *= 2) {
    std::vector<verdict::JournalGap> joined;
    for (const verdict::JournalGap& gap : gaps) {
      if (!joined.empty() && gap.from - joined.back().to <= between) {
        joined.back().to = std::max(joined.back().to, gap.to);
      } else {
        joined.push_back(gap);
      }
    }
    gaps = std::move(joined);
  }
}

// Of clients without records only those that may hold connections against us matter.
void CutScores(verdict::JudgeInput& input) {
  std::vector<std::uint64_t> seen;
  for (const verdict::JournalRecord& record : input.records) seen.push_back(record.client);
  std::ranges::sort(seen);
  std::erase_if(input.scores, [&](const guard::ClusterScore& score) {
    return !std::ranges::binary_search(seen, score.client) &&
           (score.requests > 0 || score.log_odds < 0);
  });
  if (input.scores.size() > kBundleScoresMax) input.scores.resize(kBundleScoresMax);
}

}  // namespace

verdict::JudgeOptions JudgementOf(Depth depth) {
  verdict::JudgeOptions options;
  if (depth == Depth::kEarly) options.attempts_max = kEarlyAttemptsMax;
  return options;
}

std::uint64_t SeedOf(const Bundle& bundle) {
  crypto::Sha256 digest;
  for (const auto& [name, section] : WriteSections(bundle)) {
    digest.Update(name);
    digest.Update(json::Write(section));
  }
  const auto bytes = digest.Finish();
  std::uint64_t seed = 0;
  for (std::size_t i = 0; i < sizeof(seed); ++i) {
    seed = seed << 8 | std::to_integer<std::uint64_t>(std::byte(bytes[i]));
  }
  return seed;
}

verdict::Verdict JudgeBundle(const Bundle& bundle) {
  return verdict::Judge(bundle.input, SeedOf(bundle), JudgementOf(bundle.depth));
}

JudgedBundle MakeBundle(const verdict::JudgeInput& input, Depth depth, std::int64_t zero_unix_s,
                        std::uint64_t secret, const guard::Calibration& calibration) {
  const verdict::JudgeOptions options = JudgementOf(depth);
  const Time latest = std::min(input.end, input.now) - kIncidentMax;
  const Time onset = std::max(input.onset, latest);
  const Time from = std::max(onset - options.lead_in - kLearned, Time{});
  const Time zero(std::chrono::floor<std::chrono::seconds>(from.time_since_epoch()));
  JudgedBundle made{
      .bundle = {.zero_unix_s = zero_unix_s + zero.time_since_epoch() / std::chrono::seconds(1),
                 .depth = depth,
                 .input = Cut(input, options, zero)},
      .verdict = {},
      .zero = zero};
  Bundle& bundle = made.bundle;
  bundle.input.onset = Floor(onset, zero);
  CutScores(bundle.input);
  ThinOut(bundle.input.capacity.steps, &verdict::CapacityStep::time);
  ThinOut(bundle.input.provision.levels, &verdict::ProvisionedLevel::from);
  ThinOut(bundle.input.probes, &verdict::OutsideProbe::time);
  JoinGaps(bundle.input.gaps);
  Rekey(bundle.input, secret);
  MakeCoarse(bundle.input.records);
  MakeCoarse(bundle.input.scores, calibration);
  made.verdict = JudgeBundle(bundle);
  bundle.claims = ClaimsOf(made.verdict, bundle.zero_unix_s);
  return made;
}

void Sign(Bundle& bundle, const crypto::SigningKey& key) {
  const json::Object manifest = Manifest(WriteSections(bundle), bundle.claims);
  bundle.signer = std::string(kSignerPrefix) + crypto::EncodeBase64Url(key.public_key());
  bundle.signature = crypto::EncodeBase64Url(key.Sign(SignedText(manifest)));
}

std::string WriteBundle(const Bundle& bundle) {
  const auto sections = WriteSections(bundle);
  json::Object inputs;
  for (const auto& [name, value] : sections) inputs[name] = value;
  json::Object file;
  file["format"] = kFormat;
  file["version"] = kVersion;
  file["inputs"] = std::move(inputs);
  file["claims"] = bundle.claims;
  file["manifest"] = Manifest(sections, bundle.claims);
  if (!bundle.signer.empty()) {
    file["signature"] = json::Object{{"key", bundle.signer}, {"ed25519", bundle.signature}};
  }
  return json::Write(file) + "\n";
}

Result<Bundle> ReadBundle(std::string_view text) {
  TRY_ASSIGN(const json::Value value,
             json::Parse(text, {.text_bytes_max = kBundleBytesMax, .depth_max = 12}));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "not a JSON object");
  const json::Object& file = value.get_object();
  TRY_ASSIGN(const std::string format, json::RequireString(file, "format"));
  if (format != kFormat) return Fail(ErrorCode::kInvalidArgument, "not a verdict bundle");
  TRY_ASSIGN(const std::int64_t version, json::RequireInt(file, "version", 0, 1 << 20));
  if (version != kVersion) {
    return Fail(ErrorCode::kUnsupported,
                "a bundle of version {}: this release judges by version {} alone, and its figures "
                "can be recomputed by a release of its own version",
                version, kVersion);
  }
  TRY_ASSIGN(const json::Object* inputs, json::RequireObject(file, "inputs"));
  TRY_ASSIGN(const json::Object* manifest, json::RequireObject(file, "manifest"));
  TRY_ASSIGN(const json::Object* claims, json::RequireObject(file, "claims"));
  Bundle bundle;
  bundle.claims = *claims;
  TRY(ReadSections(*inputs, bundle));

  // Nothing but what we would write: no member more, no number in another spelling.
  const auto sections = WriteSections(bundle);
  for (const auto& [name, section] : sections) {
    if (*json::Find(*inputs, name) != section) {
      return Fail(ErrorCode::kInvalidArgument, "section '{}' has members or values of no meaning",
                  name);
    }
  }
  const std::size_t members = json::Find(file, "signature") == nullptr ? 5 : 6;
  if (inputs->size() != sections.size() || file.size() != members) {
    return Fail(ErrorCode::kInvalidArgument, "there are sections that a bundle has not");
  }
  const json::Object computed = Manifest(sections, bundle.claims);
  for (const auto& [name, digest] : computed) {
    const json::Value* stated = json::Find(*manifest, name);
    if (stated == nullptr || *stated != digest) {
      return Fail(ErrorCode::kCorrupt, "section '{}' is not what the manifest says",
                  std::string_view(name));
    }
  }
  if (manifest->size() != computed.size()) {
    return Fail(ErrorCode::kInvalidArgument, "the manifest names sections that a bundle has not");
  }
  TRY(ReadSignature(file, computed, bundle));
  return bundle;
}

std::string BundleDigest(std::string_view text) { return Sha256Of(text); }

}  // namespace holdfast::incidents
