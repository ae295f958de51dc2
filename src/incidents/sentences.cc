#include "incidents/sentences.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace holdfast::incidents {
namespace {

constexpr std::size_t kTellingMax = 3;
constexpr double kToldShare = 0.05;  // From this share on an attack is described.

std::chrono::sys_seconds WallClock(guard::Time time, std::int64_t zero_unix_s) {
  const auto since_zero = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  return std::chrono::sys_seconds(since_zero + std::chrono::seconds(zero_unix_s));
}

std::chrono::hh_mm_ss<std::chrono::seconds> TimeOfDay(guard::Time time, std::int64_t zero_unix_s) {
  const auto clock = WallClock(time, zero_unix_s);
  return std::chrono::hh_mm_ss(clock - std::chrono::floor<std::chrono::days>(clock));
}

std::string_view CausePhrase(verdict::Cause cause) {
  constexpr std::array<std::string_view, verdict::kCauseCount> kPhrases = {
      "attack", "demand beyond what the service is built for", "lost capacity"};
  return kPhrases[static_cast<std::size_t>(cause)];
}

std::string LossSentence(const verdict::Verdict& verdict, std::int64_t zero_unix_s) {
  const double share = verdict.requests > 0 ? verdict.lost_observed / verdict.requests : 0;
  return fmt::format("Since {}, {} of honest requests were late, refused or broken ({} of {}).",
                     UtcMinute(verdict.onset, zero_unix_s), Percent(share),
                     Grouped(verdict.lost_observed), Grouped(verdict.requests));
}

std::string ShareSentence(const verdict::Verdict& verdict) {
  std::array<int, verdict::kCauseCount> order;
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](int cause) {
    return verdict.shares[static_cast<std::size_t>(cause)].median;
  });
  std::vector<std::string> parts;
  for (const int cause : order) {
    parts.push_back(
        fmt::format("{} {}{}", PercentOf(verdict.shares[static_cast<std::size_t>(cause)]),
                    parts.empty() ? "was " : "", CausePhrase(static_cast<verdict::Cause>(cause))));
  }
  return fmt::format("Of that, {}.", fmt::join(parts, ", "));
}

std::string LabelSentence(const verdict::Verdict& verdict) {
  switch (verdict.label) {
    case verdict::Label::kAttack:
      return "Verdict: an attack.";
    case verdict::Label::kDemand:
      return "Verdict: more honest demand than the service is built for, not an attack.";
    case verdict::Label::kLostCapacity:
      return "Verdict: our own capacity was missing; neither an attack nor unusual demand.";
    case verdict::Label::kMixed:
      return "Verdict: more than one cause; none has four fifths of the loss.";
    case verdict::Label::kUnknown:
      break;
  }
  return "Verdict: not known.";
}

std::string HostileSentence(const verdict::Verdict& verdict) {
  std::vector<std::string_view> reasons;
  for (const guard::Detector detector : TellingDetectors(verdict)) {
    reasons.push_back(DetectorPhrase(detector));
  }
  std::string sentence = fmt::format("Held hostile: about {} of {} clients, with {} requests",
                                     Grouped(verdict.hostile_clients), Grouped(verdict.clients),
                                     Grouped(verdict.hostile_requests));
  if (!reasons.empty()) sentence += fmt::format("; most telling: {}", fmt::join(reasons, ", "));
  return sentence + ".";
}

std::string UnknownSentence(const verdict::Verdict& verdict) {
  switch (verdict.why_unknown) {
    case verdict::WhyUnknown::kKnown:
      break;
    case verdict::WhyUnknown::kNoLoss:
      return "Too few honest requests were lost to say why.";
    case verdict::WhyUnknown::kReplayDiffers:
      return fmt::format(
          "A replay of the traffic loses {} requests where {} were lost, too far apart to share "
          "them out.",
          Grouped(verdict.lost_replayed), Grouped(verdict.lost_observed));
    case verdict::WhyUnknown::kJournalGap:
      return "The traffic journal misses a part of the incident, so its cause cannot be told.";
    case verdict::WhyUnknown::kInFront:
      return "Probes from outside fail while this host is idle: the loss is in front of it, where "
             "nothing here can see its cause.";
    case verdict::WhyUnknown::kUnexplained:
      return "Most of this would have been lost without an attack, without unusual demand and with "
             "full capacity.";
    case verdict::WhyUnknown::kTooUncertain:
      return "Who is hostile is too uncertain for the shares to say anything.";
    case verdict::WhyUnknown::kTooLarge:
      return "There is too much traffic to replay within the limits set.";
  }
  return {};
}

}  // namespace

std::string UtcMinute(guard::Time time, std::int64_t zero_unix_s) {
  const auto day = TimeOfDay(time, zero_unix_s);
  return fmt::format("{:02}:{:02} UTC", day.hours().count(), day.minutes().count());
}

std::string UtcSecond(guard::Time time, std::int64_t zero_unix_s) {
  const auto day = TimeOfDay(time, zero_unix_s);
  return fmt::format("{:02}:{:02}:{:02} UTC", day.hours().count(), day.minutes().count(),
                     day.seconds().count());
}

std::string UtcDate(guard::Time time, std::int64_t zero_unix_s) {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(WallClock(time, zero_unix_s)));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string Percent(double share) {
  const double percent = 100 * share;
  if (percent > 0.05 && percent < 0.95) return fmt::format("{:.1f} %", percent);
  return fmt::format("{:.0f} %", percent);
}

std::string PercentOf(const verdict::Share& share) {
  return fmt::format("{} ({:.0f}-{:.0f})", Percent(share.median), 100 * share.low,
                     100 * share.high);
}

std::string Grouped(double count) {
  std::string digits = fmt::format("{:.0f}", std::max(count, 0.0));
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string_view DetectorPhrase(guard::Detector detector) {
  constexpr std::array<std::string_view, guard::kDetectorCount> kPhrases = {
      "never seen before in such numbers",
      "a swarm that asks and does nothing else",
      "faster than people and programs",
      "connections held without a request",
      "handshakes without a request",
      "wrong passwords over many accounts",
      "sign-ups in lock-step",
      "requests as costly as the limits allow",
      "answers started and left",
      "the same prompts from many addresses",
      "the same program from many addresses",
      "networks that send as one",
      "seen before",
      "reads pages first",
      "reads answers to the end"};
  return kPhrases[static_cast<std::size_t>(detector)];
}

std::vector<guard::Detector> TellingDetectors(const verdict::Verdict& verdict) {
  std::vector<guard::Detector> telling;
  for (int d = 0; d < guard::kDetectorCount; ++d) {
    if (verdict.detectors[static_cast<std::size_t>(d)].clients >= 1) {
      telling.push_back(static_cast<guard::Detector>(d));
    }
  }
  std::ranges::stable_sort(telling, std::greater(), [&](guard::Detector detector) {
    const verdict::DetectorSummary& summary = verdict.detectors[static_cast<std::size_t>(detector)];
    return summary.clients * summary.llr;
  });
  telling.resize(std::min(telling.size(), kTellingMax));
  return telling;
}

std::vector<std::string> Sentences(const verdict::Verdict& verdict, std::int64_t zero_unix_s) {
  std::vector<std::string> sentences;
  const bool was_counted = verdict.requests > 0;
  if (was_counted) sentences.push_back(LossSentence(verdict, zero_unix_s));
  if (verdict.label == verdict::Label::kUnknown) {
    sentences.push_back(UnknownSentence(verdict));
    sentences.push_back(LabelSentence(verdict));
    return sentences;
  }
  sentences.push_back(ShareSentence(verdict));
  if (verdict.shares[0].median >= kToldShare) sentences.push_back(HostileSentence(verdict));
  if (verdict.counted_share < 0.99) {
    sentences.push_back(
        fmt::format("Counted was the middle {} of the incident.", Percent(verdict.counted_share)));
  }
  sentences.push_back(LabelSentence(verdict));
  return sentences;
}

}  // namespace holdfast::incidents
