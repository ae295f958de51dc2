#include "server/journal_keeper.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "base/log.h"
#include "crypto/random.h"

namespace holdfast::server {
namespace {

// A report that says nothing new is written so often.
constexpr guard::Duration kReportEvery = std::chrono::seconds(10);

std::uint64_t RandomInstance() {
  std::uint64_t instance = 0;
  crypto::FillRandom(std::as_writable_bytes(std::span(&instance, 1)));
  return instance;
}

journal::Moment MomentOf(const DoorClock& clock) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.time = clock.Now(),
          .wall_clock_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count()};
}

// What fades never stands still; less than a step is nothing new.
double Stepped(double value, double step) { return step * std::round(value / step); }

}  // namespace

std::unique_ptr<JournalKeeper> JournalKeeper::Open(const JournalConfig& config,
                                                   const std::filesystem::path& folder,
                                                   const DoorClock& clock,
                                                   metrics::Registry& registry) {
  if (config.bytes_max == 0) return nullptr;
  journal::WriterOptions options;
  options.ring = {.bytes_max = static_cast<std::uint64_t>(config.bytes_max),
                  .segment_bytes = static_cast<std::uint64_t>(config.segment_bytes),
                  .instance = RandomInstance()};
  options.clock = [clock] { return MomentOf(clock); };
  auto writer = journal::Writer::Open(folder, std::move(options));
  if (!writer) {
    log::error("journal: {}; the service goes on without one", writer.error().message);
    return nullptr;
  }
  return std::unique_ptr<JournalKeeper>(new JournalKeeper(*std::move(writer), registry));
}

JournalKeeper::JournalKeeper(std::unique_ptr<journal::Writer> writer, metrics::Registry& registry)
    : writer_(std::move(writer)),
      written_gauge_(registry.GetGauge("holdfast_journal_rows_written",
                                       "Rows of the traffic journal since the start.")),
      lost_gauge_(
          registry.GetGauge("holdfast_journal_rows_lost",
                            "Rows that a full queue or the disk did not take since the start.")) {}

void JournalKeeper::OnAsked(const guard::RequestFacts& facts, const guard::Door::Word& word) {
  guard::RequestFacts known = facts;
  known.is_regular = word.is_regular;
  writer_->Push({.time = facts.time,
                 .what = journal::Asked{.id = word.id,
                                        .facts = known,
                                        .what = word.what,
                                        .refusal = word.refusal,
                                        .retry_after = word.retry_after,
                                        .wait = word.wait.expected}});
}

void JournalKeeper::OnDecided(const guard::Door::Expired& decided, guard::Time now) {
  writer_->Push(
      {.time = now, .what = journal::Decided{decided.id, decided.refusal, decided.retry_after}});
}

void JournalKeeper::OnFirstToken(guard::DoorId id, guard::Time now) {
  writer_->Push({.time = now, .what = journal::FirstToken{id}});
}

void JournalKeeper::OnEnded(guard::DoorId id, const guard::OutcomeFacts& outcome) {
  writer_->Push({.time = outcome.time,
                 .what = journal::Ended{.id = id,
                                        .held = outcome.time - outcome.arrival,
                                        .ending = outcome.ending,
                                        .refusal = outcome.refusal,
                                        .prompt_tokens = outcome.prompt_tokens,
                                        .output_tokens = outcome.output_tokens,
                                        .first_token = outcome.first_token,
                                        .token_interval = outcome.token_interval,
                                        .was_read = outcome.was_read,
                                        .failed_login = outcome.failed_login}});
}

void JournalKeeper::OnConnection(const guard::ConnectionFacts& facts) {
  writer_->Push(
      {.time = facts.time, .what = journal::Connection{facts.caller, facts.event, facts.held}});
}

void JournalKeeper::OnEngineReport(const guard::EngineReport& report,
                                   const guard::DoorCounters& counters, guard::Time now) {
  const journal::WriterCounters rows = writer_->counters();
  written_gauge_.Set(static_cast<double>(rows.written));
  lost_gauge_.Set(static_cast<double>(rows.lost));
  journal::Row row{
      .what = journal::Engine{.report = report,
                              .in_flight = counters.admission.in_flight,
                              .waiting = counters.admission.waiting,
                              .in_flight_limit = Stepped(counters.admission.in_flight_limit, 0.01),
                              .capacity = Stepped(counters.admission.capacity, 0.1),
                              .pressure = Stepped(counters.admission.pressure, 0.001),
                              .edge_refused = counters.edge_refused}};
  const journal::EncodedRow timeless = journal::Encode(row);
  if (timeless == last_report_ && now - reported_at_ < kReportEvery) return;
  last_report_ = timeless;
  reported_at_ = now;
  row.time = now;
  writer_->Push(row);
}

void JournalKeeper::OnRestriction(const guard::RestrictionRecord& record) {
  writer_->Push({.time = record.time, .what = journal::ToChange(record)});
}

void JournalKeeper::OnRegistration(const guard::RegistrationChange& change) {
  writer_->Push({.time = change.time,
                 .what = journal::RegistrationSwitch{change.is_restricted(), change.by_rate,
                                                     change.rate, change.baseline}});
}

void JournalKeeper::OnRung(guard::Rung from, const guard::DoorCounters& counters, guard::Time now) {
  writer_->Push(
      {.time = now, .what = journal::RungChange{from, counters.rung, counters.admission.pressure}});
}

}  // namespace holdfast::server
