#include "guard/evidence/detectors.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace holdfast::guard {
namespace {

// Newcomers: more never-seen clients of one kind than the growth of trusted clients explains. In a
// crowd most clients were seen before, or come as people come, by a page (Jung et al. 2002: 43-83 %
// of a crowd's clusters known, 0.6-14 % of an attack's).
//
// Evidence: excess of the client's door, if the client is new and did not come by a page, or is an
// old account in a new place, as bought and stolen ones are. None for one whose make (fingerprint)
// was here before and did not grow with them: the newcomers of every day.
//
// Fails when: bots load pages first; an honest program's many workers start for the first time,
// each with a key of its own; the past is not known yet.
double Newcomers(const ClientView& view) {
  const bool is_person = view.client.surface() == Surface::kWeb && view.client.Has(Trait::kPaged) &&
                         view.client.standing != Standing::kHistory;
  const bool is_looking = view.client.requests > 0 && !view.client.Has(Trait::kEntered);
  if (is_person || is_looking || !view.client.Has(Trait::kNewcomer)) return 0;
  if (view.Group(GroupKind::kFingerprint).is_usual) return 0;
  return view.Group(GroupKind::kDoor).excess;
}

// Low-rate swarm: many sources, each slow, together a surge whose members behave as people and
// their programs do not (FRADE 2021; Yu et al. 2012: flows of one botnet resemble each other).
//
// Evidence: excess of the client's door times the misconduct of its members, given the occasion. A
// surge of well-behaved clients is a crowd and gives evidence for honesty; so nothing is held
// against programs for not loading pages.
//
// Fails when: bots replay honest sessions; honest clients of one door share a fault (a browser
// release that does not load the page), and grow more than all others.
double LowRateSwarm(const ClientView& view) {
  const GroupView& door = view.Group(GroupKind::kDoor);
  return std::clamp(door.excess * door.misconduct, -3.0, kEvidenceMax);
}

// Source rate: one source faster than people and most programs.
//
// Evidence: log of the fullest its leaky bucket was (one request a second leaks) over 10.
//
// Fails when: many people share an address (spared when it shows several fingerprints or pages); a
// customer's program runs with high concurrency, which its history outweighs. Limits per source
// (guard/limits) stop such a source whoever it is; this only says what it was.
double SourceRate(const ClientView& view) {
  if (view.client.burst_max <= 10 || view.client.is_shared()) return 0;
  return std::min(std::log(view.client.burst_max / 10.0), 4.0);
}

// Slow connections: heads, bodies or reads drawn out until they were cut off (slowhttptest's
// modes).
//
// Evidence: log of how many; the first one is free.
//
// Fails when: a phone in a tunnel stalls twice; the attacker holds each connection once per address
// (then its group shows it, see LowRateSwarm).
double SlowConnections(const ClientView& view) {
  const auto count = [&](ConnectionEvent event) {
    return view.client.connections[static_cast<std::size_t>(event)];
  };
  const int slow = count(ConnectionEvent::kSlowHead) + count(ConnectionEvent::kSlowBody) +
                   count(ConnectionEvent::kSlowRead);
  return slow <= 1 ? 0 : std::min(4.0, 2 * std::log(slow));
}

// Handshakes: connections that cost a key exchange, or streams opened and reset, and ask for
// nothing.
//
// Evidence: log of how many of them beyond what the client's requests explain; the first is free.
//
// Fails when: a browser opens connections ahead of need and closes them, at most a few a visit.
double Handshakes(const ClientView& view) {
  const auto count = [&](ConnectionEvent event) {
    return view.client.connections[static_cast<std::size_t>(event)];
  };
  const double idle = count(ConnectionEvent::kHandshakeOnly) + count(ConnectionEvent::kReset);
  const double unexplained = idle - view.client.requests;
  return unexplained <= 1 ? 0 : std::min(4.0, 1.5 * std::log(unexplained));
}

// Password stuffing: names and passwords of other places tried one after the other.
//
// Evidence: wrong passwords among the client's log-ins, at the rate ordinary here against 97 %. One
// guess a source shows only in its group (LowRateSwarm).
//
// Fails when: a person has forgotten the password and tries five (counted as four log-ins at most);
// the list is good and most guesses are right.
Likelihood LikelihoodOfGuessing(const Conduct& ordinary) {
  return Likelihood::Of(0.97, std::min(0.5, ordinary.guessed));
}

double PasswordStuffing(const ClientView& view) {
  return view.ordinary.guessed.Nats(view.client.guesses, view.client.log_ins, 4);
}

// Sign-ups in lock-step: accounts made by the dozen from one source, or by many sources that share
// a fingerprint or network, skip the page and send the form at once (Ianus 2019: synchronised and
// abnormal registration patterns).
//
// Evidence: sign-ups of one client beyond two; forms filled in faster than a person can; and, for
// one that signs up, the largest excess of its groups times their misconduct.
//
// Fails when: a class signs up from one address (a shared address is spared the first part); a
// password manager fills in the form; bots take a person's time for it.
double SignUpLockstep(const ClientView& view) {
  const ClientFeatures& client = view.client;
  if (client.sign_ups == 0) return 0;
  double together = 0;
  for (const GroupKind kind : {GroupKind::kDoor, GroupKind::kFingerprint, GroupKind::kPrefix}) {
    const GroupView& group = view.Group(kind);
    together = std::max(together, group.excess * group.misconduct);
  }
  const double alone = client.is_shared() ? 0 : std::log(std::max(1.0, client.sign_ups / 2.0));
  const double rushed = client.rushed_forms > 0 ? 1 : 0;
  return std::min(kEvidenceMax, alone + rushed + together);
}

// Cost at the limits: every request asks for close to the most that one may cost (OWASP LLM10).
//
// Evidence: share of such requests, at the rate ordinary on this surface against 90 %.
//
// Fails when: a customer's work is long documents, which its history outweighs.
Likelihood LikelihoodOfCost(const Conduct& ordinary) {
  return Likelihood::Of(0.9, std::min(0.5, ordinary.costly));
}

double CostAtLimits(const ClientView& view) {
  return std::max(0.0, view.ordinary.costly.Nats(view.client.costly, view.client.generations, 3));
}

// Abandoned streams: answers asked for, begun, and left, so that the work is wasted.
//
// Evidence: share of begun answers it left in the middle, at the ordinary rate against 90 %.
// Leaving while waiting for the first token is what people do when it is slow, and is not counted.
//
// Fails when: the page has a stop button that people like.
Likelihood LikelihoodOfCuttingShort(const Conduct& ordinary) {
  return Likelihood::Of(0.9, std::min(0.5, ordinary.cut_short));
}

double AbandonedStreams(const ClientView& view) {
  return std::max(0.0,
                  view.ordinary.cut_short.Nats(view.client.cut_short, view.client.streamed, 4));
}

// Payload similarity: near-equal prompts from many clients that misbehave, or a client whose
// prompts are one after the other those of others: a crowd shares one prompt, bots share a list.
//
// Evidence: excess of the clients with this prompt, times their misconduct; and the share of its
// prompts after the first that others had sent before, at the ordinary rate against 80 %. A viral
// prompt from people who load the page, read and think gives evidence for honesty.
//
// Fails when: prompts are paraphrased for every request; the page suggests prompts (until that is
// learned to be ordinary).
Likelihood LikelihoodOfEchoing(const Conduct& ordinary) {
  return Likelihood::Of(0.8, std::min(0.5, ordinary.echoed));
}

double PayloadSimilarity(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kPayload);
  const double echoes =
      view.ordinary.echoed.Nats(view.client.shared_prompts - 1, view.client.prompts - 1, 4);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax) + std::max(-1.0, echoes);
}

// Fingerprint concentration: more clients of one make than usual, that misbehave.
//
// Evidence: excess of newcomers with these headers and TLS hello, times their misconduct. A crowd
// from one kind of phone behaves as people do and gives evidence for honesty.
//
// Fails when: every bot wears another fingerprint, or loads pages and thinks in a popular browser's
// one.
double FingerprintConcentration(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kFingerprint);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax);
}

// Prefix concentration: more clients of one network than usual, that misbehave.
//
// Evidence: excess of clients of the prefix, times their misconduct. A university whose students
// all come at once behaves as people do.
//
// Fails when: bots come from residential proxies, one a network.
double PrefixConcentration(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kPrefix);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax);
}

// Seen before: the client, or at least its network, was here in quiet time (Jung et al. 2002).
//
// Evidence: -1 for the network, -2 for the client itself.
//
// Fails when: bots live in networks of honest people; a patient attacker was here for days.
double WasSeenBefore(const ClientView& view) { return -static_cast<double>(view.client.seen); }

// Reads pages: it came by a page, and looked at it before it asked.
//
// Evidence: -1 for the page, -1 for the time on it. Not having loaded one says nothing here.
//
// Fails when: bots drive a browser.
double ReadsPages(const ClientView& view) {
  return (view.client.Has(Trait::kPaged) ? -1.0 : 0.0) -
         (view.client.Has(Trait::kDwelt) ? 1.0 : 0.0);
}

// Reads answers: it takes its answers to the end; or, measured by its occasions, does not.
//
// Evidence: share of answers read, at the ordinary rate against 50 %, at least -1.5.
//
// Fails when: bots take every byte, which costs them the time and the bandwidth.
Likelihood LikelihoodOfReading(const Conduct& ordinary) {
  return Likelihood::Of(0.5, std::max(0.6, ordinary.read));
}

double ReadsAnswers(const ClientView& view) {
  // To read is cheap, so it speaks for a client no more than a page does.
  return std::max(-1.5, view.ordinary.read.Nats(view.client.read, view.client.served, 4));
}

struct Entry {
  Detector detector;
  std::string_view word;
  double (*detect)(const ClientView&);
};

constexpr std::array<Entry, kDetectorCount> kDetectors = {{
    {Detector::kNewcomers, "newcomers", Newcomers},
    {Detector::kLowRateSwarm, "low_rate_swarm", LowRateSwarm},
    {Detector::kSourceRate, "source_rate", SourceRate},
    {Detector::kSlowConnections, "slow_connections", SlowConnections},
    {Detector::kHandshakes, "handshakes", Handshakes},
    {Detector::kPasswordStuffing, "password_stuffing", PasswordStuffing},
    {Detector::kSignUpLockstep, "sign_up_lockstep", SignUpLockstep},
    {Detector::kCostAtLimits, "cost_at_limits", CostAtLimits},
    {Detector::kAbandonedStreams, "abandoned_streams", AbandonedStreams},
    {Detector::kPayloadSimilarity, "payload_similarity", PayloadSimilarity},
    {Detector::kFingerprintConcentration, "fingerprint_concentration", FingerprintConcentration},
    {Detector::kPrefixConcentration, "prefix_concentration", PrefixConcentration},
    {Detector::kSeenBefore, "seen_before", WasSeenBefore},
    {Detector::kReadsPages, "reads_pages", ReadsPages},
    {Detector::kReadsAnswers, "reads_answers", ReadsAnswers},
}};

constexpr bool IsInOrder() {
  for (int i = 0; i < kDetectorCount; ++i) {
    if (static_cast<int>(kDetectors[static_cast<std::size_t>(i)].detector) != i) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

std::string_view DetectorWord(Detector detector) {
  return kDetectors[static_cast<std::size_t>(detector)].word;
}

Ordinary OrdinaryOf(const Conduct& conduct) {
  return {.guessed = LikelihoodOfGuessing(conduct),
          .costly = LikelihoodOfCost(conduct),
          .cut_short = LikelihoodOfCuttingShort(conduct),
          .echoed = LikelihoodOfEchoing(conduct),
          .read = LikelihoodOfReading(conduct)};
}

// Unrolled, so that detectors are compiled in place: a request that is judged asks all of them.
Evidence Detect(const ClientView& view) {
  const auto detect = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return Evidence{static_cast<float>(
        std::clamp(kDetectors[kIndex].detect(view), -kEvidenceMax, kEvidenceMax))...};
  };
  return detect(std::make_index_sequence<kDetectorCount>());
}

}  // namespace holdfast::guard
