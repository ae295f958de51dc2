#include "journal/text.h"

#include <chrono>
#include <concepts>
#include <string_view>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace holdfast::journal {
namespace {

using guard::Duration;
using guard::Time;

template <std::size_t kCount, typename E>
std::string_view WordOf(const std::string_view (&words)[kCount], E value) {
  return words[static_cast<std::size_t>(value)];
}

constexpr std::string_view kCauses[] = {"restart", "queue_full", "disk", "damaged", "overrun"};
constexpr std::string_view kRoutes[] = {"page", "register", "login", "chat", "api"};
constexpr std::string_view kStandings[] = {"anonymous", "new", "history"};
constexpr std::string_view kWhats[] = {"start", "wait", "refuse"};
constexpr std::string_view kEndings[] = {"served", "refused", "abandoned", "failed"};
constexpr std::string_view kConnections[] = {"handshake_only", "slow_head", "slow_body",
                                             "slow_read", "reset"};
constexpr std::string_view kRestrictionEvents[] = {"imposed", "renewed", "expired", "undone",
                                                   "displaced"};
constexpr std::string_view kScopes[] = {"account", "key", "address", "prefix", "fingerprint"};
constexpr std::string_view kActions[] = {"slow", "challenge", "refuse", "push_down"};
static_assert(std::size(kCauses) == kGapCauseCount);
static_assert(std::size(kRoutes) == guard::kRouteCount);
static_assert(std::size(kStandings) == guard::kStandingCount);
static_assert(std::size(kEndings) == guard::kEndingCount);
static_assert(std::size(kConnections) == guard::kConnectionEventCount);
static_assert(std::size(kScopes) == guard::kScopeKindCount);

// The fields of one row, by name.
class Fields {
 public:
  explicit Fields(const Row& row) { std::visit(*this, row.what); }

  std::string Text() const {
    std::string text(kind_);
    for (const Field& field : fields_) {
      if (field.is_plain) continue;
      text += fmt::format(" {}={}", field.name, field.value);
    }
    return text;
  }
  std::string Json(Time time) const {
    std::string json =
        fmt::format(R"({{"time_us":{},"row":"{}")", time.time_since_epoch().count(), kind_);
    for (const Field& field : fields_) {
      const std::string_view quote = field.is_word ? "\"" : "";
      json += fmt::format(",\"{}\":{}{}{}", field.name, quote, field.value, quote);
    }
    return json + "}";
  }

  void operator()(const Gap& gap) {
    kind_ = "gap";
    Word("cause", WordOf(kCauses, gap.cause));
    Number("from_us", gap.from.time_since_epoch().count());
    Number("to_us", gap.to.time_since_epoch().count());
    Number("rows", gap.rows);
  }

  void operator()(const Asked& asked) {
    const guard::RequestFacts& facts = asked.facts;
    kind_ = "asked";
    Id(asked.id);
    Word("route", WordOf(kRoutes, facts.route));
    Word("standing", WordOf(kStandings, facts.standing));
    Word("word", WordOf(kWhats, asked.what));
    Word("refusal", guard::RefusalWord(asked.refusal));
    Millis("retry_after_ms", asked.retry_after);
    Millis("wait_ms", asked.wait);
    Who(facts.caller);
    Hash("payload", facts.payload);
    Number("prompt_tokens", facts.prompt_tokens);
    Number("prompt_bytes", facts.prompt_bytes);
    Number("tokens_max", facts.tokens_max);
    Number("choices", facts.choices);
    Number("attempt", facts.attempt);
    Millis("patience_ms", facts.patience);
    if (facts.form_time.count() >= 0) Millis("form_ms", facts.form_time);
    Flag("is_batch", facts.is_batch);
    Flag("paid_challenge", facts.paid_challenge);
    Flag("has_disposable_mail", facts.has_disposable_mail);
    Flag("has_invitation", facts.has_invitation);
    Flag("is_regular", facts.is_regular);
  }

  void operator()(const Decided& decided) {
    kind_ = decided.refusal == guard::Refusal::kNone ? "started" : "refused";
    Id(decided.id);
    Word("refusal", guard::RefusalWord(decided.refusal));
    Millis("retry_after_ms", decided.retry_after);
  }

  void operator()(const FirstToken& first) {
    kind_ = "first_token";
    Id(first.id);
  }

  void operator()(const Ended& ended) {
    kind_ = "ended";
    Id(ended.id);
    Word("ending", WordOf(kEndings, ended.ending));
    Word("refusal", guard::RefusalWord(ended.refusal));
    Millis("held_ms", ended.held);
    Number("prompt_tokens", ended.prompt_tokens);
    Number("output_tokens", ended.output_tokens);
    Millis("first_token_ms", ended.first_token);
    Number("token_interval_us", ended.token_interval.count());
    Flag("was_read", ended.was_read);
    Flag("failed_login", ended.failed_login);
  }

  void operator()(const Connection& connection) {
    kind_ = "connection";
    Word("event", WordOf(kConnections, connection.event));
    Who(connection.caller);
    Millis("held_ms", connection.held);
  }

  void operator()(const Engine& engine) {
    kind_ = "engine";
    Number("running", engine.report.running);
    Number("waiting", engine.report.waiting);
    Number("sequences_max", engine.report.sequences_max);
    Number("workers_up", engine.report.workers_up);
    Number("workers_total", engine.report.workers_total);
    Number("free_cache_share", engine.report.free_cache_share);
    Number("tokens_per_s", engine.report.tokens_per_s);
    Number("door_in_flight", engine.in_flight);
    Number("door_waiting", engine.waiting);
    Number("door_limit", engine.in_flight_limit);
    Number("capacity", engine.capacity);
    Number("pressure", engine.pressure);
    Number("edge_refused", engine.edge_refused);
  }

  void operator()(const RestrictionChange& change) {
    kind_ = "restriction";
    Id(change.id);
    Word("event", WordOf(kRestrictionEvents, change.event));
    Word("scope", WordOf(kScopes, change.scope.kind));
    Hash("name", change.scope.name);
    Word("action", WordOf(kActions, change.action));
    Word("rule", change.rule);
    Number("expires_us", change.expires.time_since_epoch().count());
    Word("detector", change.detector);
    Number("llr", change.llr);
    Hash("by", change.by);
  }

  void operator()(const RegistrationSwitch& change) {
    kind_ = "registration";
    Flag("is_restricted", change.is_restricted);
    Flag("by_rate", change.by_rate);
    Number("rate", change.rate);
    Number("baseline", change.baseline);
  }

  void operator()(const RungChange& change) {
    kind_ = "rung";
    Word("from", guard::RungWord(change.from));
    Word("to", guard::RungWord(change.to));
    Number("pressure", change.pressure);
  }

 private:
  struct Field {
    std::string_view name;
    std::string value;
    bool is_word = false;
    bool is_plain = false;  // 0, none or false.
  };

  void Word(std::string_view name, std::string_view word) {
    fields_.push_back({name, std::string(word), true, word.empty() || word == "none"});
  }
  // Not every reader of JSON has whole numbers of 64 bits.
  void Id(std::uint64_t id) { fields_.push_back({"id", fmt::format("{}", id), true, id == 0}); }
  void Hash(std::string_view name, std::uint64_t hash) {
    fields_.push_back({name, fmt::format("{:016x}", hash), true, hash == 0});
  }
  void Flag(std::string_view name, bool is_set) {
    fields_.push_back({name, is_set ? "true" : "false", false, !is_set});
  }
  void Number(std::string_view name, std::integral auto number) {
    fields_.push_back({name, fmt::format("{}", number), false, number == 0});
  }
  // JSON has no numbers that are none.
  void Number(std::string_view name, double number) {
    const bool is_number = number - number == 0;
    fields_.push_back(
        {name, is_number ? fmt::format("{:.6g}", number) : "null", false, number == 0});
  }
  void Millis(std::string_view name, Duration duration) {
    Number(name, std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  }
  void Who(const guard::Caller& caller) {
    Hash("address", caller.address);
    Hash("prefix", caller.prefix);
    Hash("account", caller.account);
    Hash("key", caller.key);
    Hash("fingerprint", caller.fingerprint);
  }

  std::string_view kind_;
  std::vector<Field> fields_;
};

// Of a time that no calendar of ours has, the number.
std::string TimeText(Time time) {
  constexpr std::int64_t kYear9999 = 253'402'300'799;
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  if (seconds.count() < 0 || seconds.count() > kYear9999) return fmt::format("{}us", since.count());
  const auto utc = fmt::gmtime(static_cast<std::time_t>(seconds.count()));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", utc, (since - seconds).count());
}

}  // namespace

std::string ToText(const Row& row) { return TimeText(row.time) + " " + Fields(row).Text(); }
std::string ToJson(const Row& row) { return Fields(row).Json(row.time); }

}  // namespace holdfast::journal
