#include "journal/row.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "journal/little_endian.h"

namespace holdfast::journal {
namespace {

using guard::Duration;
using guard::Time;

// The first bytes of a row: its kind, seven small fields, its time.
constexpr std::size_t kSmallBytes = 8;
constexpr std::size_t kHeadBytes = 16;

// Of the file: never change one.
enum class Kind : std::uint8_t {
  kGap = 1,
  kAsked,
  kDecided,
  kFirstToken,
  kEnded,
  kConnection,
  kEngine,
  kRestriction,
  kRegistration,
  kRung,
};

enum AskedFlag : std::uint8_t {
  kIsBatch = 1,
  kPaidChallenge = 2,
  kDisposableMail = 4,
  kInvitation = 8,
  kRegular = 16,
  kAskedFlags = 31,
};
enum EndedFlag : std::uint8_t { kWasRead = 1, kFailedLogin = 2, kEndedFlags = 3 };
enum RegistrationFlag : std::uint8_t { kRestricted = 1, kByRate = 2, kRegistrationFlags = 3 };

// Of each Rung. A number is never given to another one.
constexpr std::array<std::uint8_t, guard::kRungCount> kRungNumbers = {0, 1, 5, 2, 3, 4};

constexpr std::int64_t kMillisMax = 0xFFFF'FFFF;

std::uint32_t MillisUp(Duration duration) {
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(millis, 0, kMillisMax));
}

std::uint32_t MillisNear(Duration duration) {
  const auto millis = std::chrono::round<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(millis, 0, kMillisMax));
}

// 0 says that there was none, so what is shorter than one is one.
std::uint32_t MillisIfAny(Duration duration) {
  return duration.count() > 0 ? std::max(MillisNear(duration), 1U) : 0;
}

Duration TakeMillis(ByteReader& reader) {
  return std::chrono::milliseconds(reader.Take<std::uint32_t>());
}

Time TakeTime(ByteReader& reader) { return Time(Duration(reader.Take<std::int64_t>())); }

std::int64_t Micros(Time time) { return time.time_since_epoch().count(); }

template <typename E>
std::uint8_t Number(E value) {
  return static_cast<std::uint8_t>(value);
}

void PutCaller(ByteWriter& writer, const guard::Caller& caller) {
  writer.Put(caller.address);
  writer.Put(caller.prefix);
  writer.Put(caller.account);
  writer.Put(caller.key);
  writer.Put(caller.fingerprint);
}

guard::Caller TakeCaller(ByteReader& reader) {
  guard::Caller caller;
  caller.address = reader.Take<std::uint64_t>();
  caller.prefix = reader.Take<std::uint64_t>();
  caller.account = reader.Take<std::uint64_t>();
  caller.key = reader.Take<std::uint64_t>();
  caller.fingerprint = reader.Take<std::uint64_t>();
  return caller;
}

// Writes the small fields and what follows the time; returns the kind.
class Encoder {
 public:
  explicit Encoder(EncodedRow& row)
      : small_(std::span(row).subspan(1, kSmallBytes - 1)),
        rest_(std::span(row).subspan(kHeadBytes)) {}

  Kind operator()(const Gap& gap) {
    small_.Put(Number(gap.cause));
    rest_.Put(Micros(gap.from));
    rest_.Put(Micros(gap.to));
    rest_.Put(gap.rows);
    return Kind::kGap;
  }

  Kind operator()(const Asked& asked) {
    const guard::RequestFacts& facts = asked.facts;
    small_.Put(Number(facts.route));
    small_.Put(Number(facts.standing));
    small_.Put(Number(asked.what));
    small_.Put(Number(asked.refusal));
    rest_.Put(asked.id);
    PutCaller(rest_, facts.caller);
    rest_.Put(facts.payload);
    rest_.Put(facts.prompt_tokens);
    rest_.Put(facts.prompt_bytes);
    rest_.Put(facts.tokens_max);
    rest_.Put(MillisNear(facts.patience));
    const auto form = std::chrono::round<std::chrono::milliseconds>(facts.form_time).count();
    rest_.Put(static_cast<std::int32_t>(
        facts.form_time.count() < 0 ? -1 : std::clamp<std::int64_t>(form, 0, INT32_MAX)));
    rest_.Put(MillisUp(asked.retry_after));
    rest_.Put(MillisUp(asked.wait));
    rest_.Put(facts.choices);
    rest_.Put(facts.attempt);
    rest_.Put(static_cast<std::uint8_t>(
        (facts.is_batch ? kIsBatch : 0) | (facts.paid_challenge ? kPaidChallenge : 0) |
        (facts.has_disposable_mail ? kDisposableMail : 0) |
        (facts.has_invitation ? kInvitation : 0) | (facts.is_regular ? kRegular : 0)));
    return Kind::kAsked;
  }

  Kind operator()(const Decided& decided) {
    small_.Put(Number(decided.refusal));
    rest_.Put(decided.id);
    rest_.Put(MillisUp(decided.retry_after));
    return Kind::kDecided;
  }

  Kind operator()(const FirstToken& first) {
    rest_.Put(first.id);
    return Kind::kFirstToken;
  }

  Kind operator()(const Ended& ended) {
    small_.Put(Number(ended.ending));
    small_.Put(Number(ended.refusal));
    small_.Put(static_cast<std::uint8_t>((ended.was_read ? kWasRead : 0) |
                                         (ended.failed_login ? kFailedLogin : 0)));
    rest_.Put(ended.id);
    rest_.Put(MillisNear(ended.held));
    rest_.Put(ended.prompt_tokens);
    rest_.Put(ended.output_tokens);
    rest_.Put(MillisIfAny(ended.first_token));
    rest_.Put(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(ended.token_interval.count(), 0, UINT32_MAX)));
    return Kind::kEnded;
  }

  Kind operator()(const Connection& connection) {
    small_.Put(Number(connection.event));
    PutCaller(rest_, connection.caller);
    rest_.Put(MillisNear(connection.held));
    return Kind::kConnection;
  }

  Kind operator()(const Engine& engine) {
    const guard::EngineReport& report = engine.report;
    rest_.Put(report.running);
    rest_.Put(report.waiting);
    rest_.Put(report.sequences_max);
    rest_.Put(report.workers_up);
    rest_.Put(report.workers_total);
    rest_.Put(engine.in_flight);
    rest_.Put(engine.waiting);
    rest_.Put(report.free_cache_share);
    rest_.Put(report.tokens_per_s);
    rest_.Put(engine.in_flight_limit);
    rest_.Put(engine.capacity);
    rest_.Put(engine.pressure);
    rest_.Put(engine.edge_refused);
    return Kind::kEngine;
  }

  Kind operator()(const RestrictionChange& change) {
    small_.Put(Number(change.event));
    small_.Put(Number(change.scope.kind));
    small_.Put(Number(change.action));
    small_.Put(change.llr);
    rest_.Put(change.id);
    rest_.Put(change.scope.name);
    rest_.Put(change.by);
    rest_.Put(Micros(change.expires));
    rest_.PutText(change.rule, kWordBytes);
    rest_.PutText(change.detector, kWordBytes);
    return Kind::kRestriction;
  }

  Kind operator()(const RegistrationSwitch& change) {
    small_.Put(static_cast<std::uint8_t>((change.is_restricted ? kRestricted : 0) |
                                         (change.by_rate ? kByRate : 0)));
    rest_.Put(change.rate);
    rest_.Put(change.baseline);
    return Kind::kRegistration;
  }

  Kind operator()(const RungChange& change) {
    small_.Put(kRungNumbers[Number(change.from)]);
    small_.Put(kRungNumbers[Number(change.to)]);
    rest_.Put(change.pressure);
    return Kind::kRung;
  }

 private:
  ByteWriter small_;
  ByteWriter rest_;
};

// Takes the fields of one kind; those that no row of it has make it unsound.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte, kRowBytes> row)
      : small_(row.subspan(1, kSmallBytes - 1)), rest_(row.subspan(kHeadBytes)) {}

  bool is_sound() const { return is_sound_; }

  Gap TakeGap() {
    Gap gap;
    gap.cause = Small<GapCause>(kGapCauseCount);
    gap.from = TakeTime(rest_);
    gap.to = TakeTime(rest_);
    gap.rows = rest_.Take<std::uint64_t>();
    return gap;
  }

  Asked TakeAsked() {
    Asked asked;
    guard::RequestFacts& facts = asked.facts;
    facts.route = Small<guard::Route>(guard::kRouteCount);
    facts.standing = Small<guard::Standing>(guard::kStandingCount);
    asked.what = Small<guard::Door::Word::What>(guard::Door::Word::kRefuse + 1);
    asked.refusal = Small<guard::Refusal>(guard::kRefusalCount);
    asked.id = rest_.Take<std::uint64_t>();
    facts.caller = TakeCaller(rest_);
    facts.payload = rest_.Take<std::uint64_t>();
    facts.prompt_tokens = rest_.Take<std::uint32_t>();
    facts.prompt_bytes = rest_.Take<std::uint32_t>();
    facts.tokens_max = rest_.Take<std::uint32_t>();
    facts.patience = TakeMillis(rest_);
    const auto form_ms = rest_.Take<std::int32_t>();
    is_sound_ = is_sound_ && form_ms >= -1;
    facts.form_time = form_ms < 0 ? Duration(-1) : std::chrono::milliseconds(form_ms);
    asked.retry_after = TakeMillis(rest_);
    asked.wait = TakeMillis(rest_);
    facts.choices = rest_.Take<std::uint16_t>();
    facts.attempt = rest_.Take<std::uint8_t>();
    const std::uint8_t flags = Flags(rest_, kAskedFlags);
    facts.is_batch = (flags & kIsBatch) != 0;
    facts.paid_challenge = (flags & kPaidChallenge) != 0;
    facts.has_disposable_mail = (flags & kDisposableMail) != 0;
    facts.has_invitation = (flags & kInvitation) != 0;
    facts.is_regular = (flags & kRegular) != 0;
    return asked;
  }

  Decided TakeDecided() {
    Decided decided;
    decided.refusal = Small<guard::Refusal>(guard::kRefusalCount);
    decided.id = rest_.Take<std::uint64_t>();
    decided.retry_after = TakeMillis(rest_);
    return decided;
  }

  FirstToken TakeFirstToken() { return {rest_.Take<std::uint64_t>()}; }

  Ended TakeEnded() {
    Ended ended;
    ended.ending = Small<guard::Ending>(guard::kEndingCount);
    ended.refusal = Small<guard::Refusal>(guard::kRefusalCount);
    const std::uint8_t flags = Flags(small_, kEndedFlags);
    ended.was_read = (flags & kWasRead) != 0;
    ended.failed_login = (flags & kFailedLogin) != 0;
    ended.id = rest_.Take<std::uint64_t>();
    ended.held = TakeMillis(rest_);
    ended.prompt_tokens = rest_.Take<std::uint32_t>();
    ended.output_tokens = rest_.Take<std::uint32_t>();
    ended.first_token = TakeMillis(rest_);
    ended.token_interval = Duration(rest_.Take<std::uint32_t>());
    return ended;
  }

  Connection TakeConnection() {
    Connection connection;
    connection.event = Small<guard::ConnectionEvent>(guard::kConnectionEventCount);
    connection.caller = TakeCaller(rest_);
    connection.held = TakeMillis(rest_);
    return connection;
  }

  Engine TakeEngine() {
    Engine engine;
    guard::EngineReport& report = engine.report;
    report.running = rest_.Take<std::uint32_t>();
    report.waiting = rest_.Take<std::uint32_t>();
    report.sequences_max = rest_.Take<std::uint32_t>();
    report.workers_up = rest_.Take<std::uint32_t>();
    report.workers_total = rest_.Take<std::uint32_t>();
    engine.in_flight = rest_.Take<std::uint32_t>();
    engine.waiting = rest_.Take<std::uint32_t>();
    for (double* value : {&report.free_cache_share, &report.tokens_per_s, &engine.in_flight_limit,
                          &engine.capacity, &engine.pressure}) {
      *value = rest_.TakeDouble();
    }
    engine.edge_refused = rest_.Take<std::uint64_t>();
    return engine;
  }

  RestrictionChange TakeRestriction() {
    RestrictionChange change;
    change.event = Small<guard::RestrictionEvent>(Number(guard::RestrictionEvent::kDisplaced) + 1);
    change.scope.kind = Small<guard::ScopeKind>(guard::kScopeKindCount);
    change.action =
        Small<guard::RestrictionAction>(Number(guard::RestrictionAction::kPushDown) + 1);
    change.llr = small_.TakeFloat();
    change.id = rest_.Take<std::uint64_t>();
    change.scope.name = rest_.Take<std::uint64_t>();
    change.by = rest_.Take<std::uint64_t>();
    change.expires = TakeTime(rest_);
    change.rule = Word();
    change.detector = Word();
    return change;
  }

  RegistrationSwitch TakeRegistration() {
    const std::uint8_t flags = Flags(small_, kRegistrationFlags);
    RegistrationSwitch change;
    change.is_restricted = (flags & kRestricted) != 0;
    change.by_rate = (flags & kByRate) != 0;
    change.rate = rest_.TakeDouble();
    change.baseline = rest_.TakeDouble();
    return change;
  }

  RungChange TakeRung() {
    RungChange change;
    change.from = SmallRung();
    change.to = SmallRung();
    change.pressure = rest_.TakeDouble();
    return change;
  }

 private:
  template <typename E>
  E Small(int count) {
    const auto number = small_.Take<std::uint8_t>();
    is_sound_ = is_sound_ && number < count;
    return static_cast<E>(number < count ? number : 0);
  }
  guard::Rung SmallRung() {
    const auto* const found =
        std::ranges::find(kRungNumbers, Small<std::uint8_t>(guard::kRungCount));
    return static_cast<guard::Rung>(found - kRungNumbers.begin());
  }
  std::uint8_t Flags(ByteReader& reader, std::uint8_t known) {
    const auto flags = reader.Take<std::uint8_t>();
    is_sound_ = is_sound_ && (flags & ~known) == 0;
    return flags;
  }
  // They are printed as they are.
  std::string Word() {
    std::string word = rest_.TakeText(kWordBytes);
    is_sound_ = is_sound_ && std::ranges::all_of(word, [](char c) {
                  return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                });
    return word;
  }

  ByteReader small_;
  ByteReader rest_;
  bool is_sound_ = true;
};

std::optional<decltype(Row::what)> TakeWhat(Kind kind, Decoder& decoder) {
  switch (kind) {
    case Kind::kGap:
      return decoder.TakeGap();
    case Kind::kAsked:
      return decoder.TakeAsked();
    case Kind::kDecided:
      return decoder.TakeDecided();
    case Kind::kFirstToken:
      return decoder.TakeFirstToken();
    case Kind::kEnded:
      return decoder.TakeEnded();
    case Kind::kConnection:
      return decoder.TakeConnection();
    case Kind::kEngine:
      return decoder.TakeEngine();
    case Kind::kRestriction:
      return decoder.TakeRestriction();
    case Kind::kRegistration:
      return decoder.TakeRegistration();
    case Kind::kRung:
      return decoder.TakeRung();
  }
  return std::nullopt;
}

}  // namespace

RestrictionChange ToChange(const guard::RestrictionRecord& record) {
  const guard::RestrictionProposal& what = record.restriction.what;
  const auto cut = [](std::string_view word) { return std::string(word.substr(0, kWordBytes)); };
  return {.id = record.restriction.id,
          .event = record.event,
          .scope = what.scope,
          .action = what.action,
          .expires = record.restriction.expires,
          .by = record.by,
          .rule = cut(what.rule),
          .detector = cut(what.evidence.front().detector),
          .llr = static_cast<float>(what.evidence.front().llr)};
}

EncodedRow Encode(const Row& row) {
  EncodedRow bytes{};
  const Kind kind = std::visit(Encoder(bytes), row.what);
  bytes[0] = static_cast<std::byte>(kind);
  ByteWriter(std::span(bytes).subspan(kSmallBytes)).Put(Micros(row.time));
  return bytes;
}

Result<Row> Decode(std::span<const std::byte, kRowBytes> bytes) {
  Decoder decoder(bytes);
  auto what = TakeWhat(static_cast<Kind>(bytes[0]), decoder);
  if (!what || !decoder.is_sound()) {
    return Fail(ErrorCode::kCorrupt, "no row of kind {} is written so",
                std::to_integer<int>(bytes[0]));
  }
  ByteReader time(bytes.subspan(kSmallBytes));
  Row row{.time = TakeTime(time), .what = std::move(*what)};
  if (auto* asked = std::get_if<Asked>(&row.what)) asked->facts.time = row.time;
  if (!std::ranges::equal(Encode(row), bytes)) {
    return Fail(ErrorCode::kCorrupt, "bytes that no field holds are not zero");
  }
  return row;
}

}  // namespace holdfast::journal
