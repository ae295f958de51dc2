#include "incidents/bundle.h"
#include "incidents/internal/fields.h"
#include "incidents/sentences.h"

namespace holdfast::incidents {
namespace {

using verdict::Share;
using verdict::Verdict;

json::Value ShareJson(const Share& share) {
  json::Object object;
  object["median"] = ExactNumber(share.median);
  object["low"] = ExactNumber(share.low);
  object["high"] = ExactNumber(share.high);
  return object;
}

json::Value SharesJson(const std::array<Share, verdict::kCauseCount>& shares) {
  json::Object object;
  for (int c = 0; c < verdict::kCauseCount; ++c) {
    object[verdict::CauseWord(static_cast<verdict::Cause>(c))] =
        ShareJson(shares[static_cast<std::size_t>(c)]);
  }
  return object;
}

// "none", "attack", "attack+demand", ...
std::string WorldWord(int world) {
  std::string word;
  for (int c = 0; c < verdict::kCauseCount; ++c) {
    if ((world >> c & 1) == 0) continue;
    if (!word.empty()) word += '+';
    word += verdict::CauseWord(static_cast<verdict::Cause>(c));
  }
  return word.empty() ? "none" : word;
}

json::Value WorldsJson(const verdict::WorldLosses& losses) {
  json::Object object;
  for (int world = 0; world < verdict::kWorldCount; ++world) {
    object[WorldWord(world)] = ExactNumber(losses[static_cast<std::size_t>(world)]);
  }
  return object;
}

json::Value DetectorsJson(const Verdict& verdict) {
  json::Object object;
  for (int d = 0; d < guard::kDetectorCount; ++d) {
    const verdict::DetectorSummary& summary = verdict.detectors[static_cast<std::size_t>(d)];
    if (summary.clients == 0) continue;
    json::Object detector;
    detector["clients"] = ExactNumber(summary.clients);
    detector["llr"] = ExactNumber(summary.llr);
    object[guard::DetectorWord(static_cast<guard::Detector>(d))] = std::move(detector);
  }
  return object;
}

json::Value FiguresJson(const Verdict& verdict) {
  json::Object object;
  const auto add = [&](const char* name, double value) { object[name] = ExactNumber(value); };
  add("requests", verdict.requests);
  add("lost_observed", verdict.lost_observed);
  add("lost_replayed", verdict.lost_replayed);
  add("lost_deviation", verdict.lost_deviation);
  add("replay_deviation", verdict.replay_deviation);
  add("fidelity", verdict.fidelity);
  add("clients", verdict.clients);
  add("hostile_clients", verdict.hostile_clients);
  add("hostile_requests", verdict.hostile_requests);
  add("honest_refused", verdict.honest_refused);
  add("hostile_refused", verdict.hostile_refused);
  add("counted_share", verdict.counted_share);
  object["draws"] = verdict.draws;
  object["attempts"] = static_cast<std::int64_t>(verdict.attempts);
  return object;
}

}  // namespace

json::Value ClaimsOf(const Verdict& verdict, std::int64_t zero_unix_s) {
  json::Object claims;
  claims["label"] = verdict::LabelWord(verdict.label);
  claims["why_unknown"] = verdict::WhyUnknownWord(verdict.why_unknown);
  json::Array sentences;
  for (const std::string& sentence : Sentences(verdict, zero_unix_s)) {
    sentences.emplace_back(sentence);
  }
  claims["sentences"] = std::move(sentences);
  claims["shares"] = SharesJson(verdict.shares);
  claims["token_shares"] = SharesJson(verdict.token_shares);
  claims["world_losses"] = WorldsJson(verdict.world_losses);
  claims["onset_us"] = verdict.onset.time_since_epoch().count();
  claims["judged_us"] = verdict.time.time_since_epoch().count();
  claims["counted_from_us"] = verdict.counted_from.time_since_epoch().count();
  claims["counted_to_us"] = verdict.counted_to.time_since_epoch().count();
  claims["figures"] = FiguresJson(verdict);
  claims["detectors"] = DetectorsJson(verdict);
  return claims;
}

}  // namespace holdfast::incidents
