#include "server/journal_keeper.h"

#include <algorithm>
#include <future>

#include <gtest/gtest.h>

#include "crypto/test_folder.h"
#include "journal/check.h"
#include "journal/reader.h"
#include "journal/text.h"
#include "net/io_threads.h"
#include "server/live_door.h"

namespace holdfast::server {
namespace {

// A door with room for one answer, and its journal on disk.
class JournalKeeperTest : public testing::Test {
 protected:
  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.admission.in_flight_initial = 1;
    options.admission.in_flight_max = 1;
    options.admission.wait_max = std::chrono::seconds(600);
    return options;
  }

  static guard::RequestFacts FactsOf(std::uint64_t client) {
    guard::RequestFacts facts;
    facts.caller = {.address = client, .prefix = client + 1, .fingerprint = 77};
    facts.payload = 5;
    facts.prompt_bytes = 100;
    facts.tokens_max = 16;
    return facts;
  }

  std::unique_ptr<JournalKeeper> Open(const JournalConfig& config = {}) {
    return JournalKeeper::Open(config, path_, clock_, registry_);
  }

  static void WaitFor(LiveDoor::Ticket& ticket, net::IoThreads& threads) {
    std::promise<void> promise;
    threads.Spawn(0, WaitAndTell(ticket, promise));
    promise.get_future().get();
    EXPECT_FALSE(ticket.is_waiting()) << "nobody woke it";
  }
  static net::Awaitable<void> WaitAndTell(LiveDoor::Ticket& ticket, std::promise<void>& promise) {
    const net::TimePoint deadline = net::Clock::now() + std::chrono::seconds(60);
    while (ticket.is_waiting() && net::Clock::now() < deadline) co_await ticket.Wait(deadline);
    promise.set_value();
  }

  std::vector<journal::Row> Rows() {
    std::vector<journal::Row> rows;
    journal::Reader reader(path_);
    EXPECT_TRUE(reader.Read(rows, 1 << 20));
    EXPECT_EQ(journal::CheckFolder(path_)->fault, std::nullopt);
    return rows;
  }
  template <typename What>
  static std::vector<What> Of(const std::vector<journal::Row>& rows) {
    std::vector<What> found;
    for (const journal::Row& row : rows) {
      if (const auto* what = std::get_if<What>(&row.what)) found.push_back(*what);
    }
    return found;
  }

  crypto::TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "journal";
  metrics::Registry registry_;
  DoorClock clock_;
};

TEST_F(JournalKeeperTest, WritesWhatWasAskedDecidedAndBecameOfIt) {
  const guard::Time before = clock_.Now();
  {
    const auto keeper = Open();
    ASSERT_NE(keeper, nullptr);
    LiveDoor door(
        guard::Door(Options()), [] { return guard::EngineReport{.workers_up = 1}; }, registry_,
        keeper.get(), clock_);
    net::IoThreads threads(1);
    threads.Spawn(0, door.Run());
    auto first = door.Ask(FactsOf(1), threads.executor(0));
    auto second = door.Ask(FactsOf(2), threads.executor(0));
    ASSERT_TRUE(first && second && second->is_waiting());
    first->OnFirstToken();
    guard::OutcomeFacts outcome;
    outcome.output_tokens = 8;
    outcome.was_read = true;
    first->End(outcome);
    WaitFor(*second, threads);
    second->End(outcome);
    auto third = door.Ask(FactsOf(3), threads.executor(0));
    auto fourth = door.Ask(FactsOf(4), threads.executor(0));
    ASSERT_TRUE(fourth && fourth->is_waiting());
    door.OnConnection({.caller = {.address = 9},
                       .event = guard::ConnectionEvent::kSlowHead,
                       .held = std::chrono::seconds(3)});
    door.Drain();
    threads.Stop();
  }
  const auto rows = Rows();
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &journal::Row::time));
  EXPECT_GE(rows.front().time, before);
  const auto asked = Of<journal::Asked>(rows);
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].what, guard::Door::Word::kStart);
  EXPECT_EQ(asked[0].facts.caller.prefix, 2u);
  EXPECT_EQ(asked[0].facts.payload, 5u);
  EXPECT_EQ(asked[0].facts.tokens_max, 16u);
  EXPECT_EQ(asked[1].what, guard::Door::Word::kWait);
  EXPECT_GT(asked[1].wait.count(), 0);
  const auto decided = Of<journal::Decided>(rows);
  ASSERT_EQ(decided.size(), 1u);
  EXPECT_EQ(decided[0].id, asked[1].id);
  EXPECT_EQ(decided[0].refusal, guard::Refusal::kNone);
  ASSERT_EQ(Of<journal::FirstToken>(rows).size(), 1u);
  const auto ended = Of<journal::Ended>(rows);
  ASSERT_EQ(ended.size(), 4u) << "whoever was let in or waited has one end";
  EXPECT_EQ(ended[0].id, asked[0].id);
  EXPECT_EQ(ended[0].output_tokens, 8u);
  EXPECT_TRUE(ended[0].was_read);
  EXPECT_EQ(ended[2].id, asked[3].id);
  EXPECT_EQ(ended[2].ending, guard::Ending::kFailed);
  ASSERT_EQ(Of<journal::Connection>(rows).size(), 1u);
  EXPECT_GE(Of<journal::Engine>(rows).size(), 1u);
}

TEST_F(JournalKeeperTest, AReportThatSaysNothingNewIsWrittenEveryTenSeconds) {
  {
    const auto keeper = Open();
    const guard::DoorCounters counters;
    guard::EngineReport report{.running = 1};
    for (int i = 0; i <= 80; ++i) {
      if (i == 60) report.running = 2;
      keeper->OnEngineReport(report, counters, guard::AtSeconds(100 + 0.25 * i));
    }
  }
  const auto rows = Rows();
  std::vector<double> times;
  for (const journal::Row& row : rows) times.push_back(guard::ToSeconds(row.time));
  EXPECT_EQ(times, (std::vector<double>{100, 110, 115}));
}

TEST_F(JournalKeeperTest, TheServiceGoesOnWhereThereCanBeNone) {
  const auto first = Open();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(Open(), nullptr) << "in use by another";
  EXPECT_EQ(Open({.bytes_max = 0}), nullptr);
}

}  // namespace
}  // namespace holdfast::server
