#include "server/live_door.h"

#include <atomic>
#include <future>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "net/io_threads.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kPatience{60};

// A door with room for one answer, and requests that ask for it on an I/O thread.
class LiveDoorTest : public ::testing::Test {
 protected:
  LiveDoorTest() { threads_.Spawn(0, door_.Run()); }
  ~LiveDoorTest() override { threads_.Stop(); }

  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.enforces_likeness = false;
    options.admission.in_flight_initial = 1;
    options.admission.in_flight_max = 1;
    options.admission.per_client_max = 4;
    options.admission.wait_max = std::chrono::seconds(600);
    return options;
  }

  static guard::RequestFacts FactsOf(std::uint64_t client) {
    guard::RequestFacts facts;
    facts.caller.address = client;
    facts.caller.prefix = client;
    facts.prompt_bytes = 100;
    facts.tokens_max = 16;
    return facts;
  }

  api::ApiResult<LiveDoor::Ticket> Ask(std::uint64_t client, std::uint16_t choices = 1) {
    guard::RequestFacts facts = FactsOf(client);
    facts.choices = choices;
    return door_.Ask(facts, threads_.executor(0));
  }

  // Whether its turn came; else why not.
  std::optional<api::ApiError> WaitFor(LiveDoor::Ticket& ticket) {
    std::promise<void> promise;
    threads_.Spawn(0, WaitAndTell(ticket, promise));
    promise.get_future().get();
    EXPECT_FALSE(ticket.is_waiting()) << "nobody woke it";
    return ticket.refusal();
  }
  static net::Awaitable<void> WaitAndTell(LiveDoor::Ticket& ticket, std::promise<void>& promise) {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    while (ticket.is_waiting() && net::Clock::now() < deadline) co_await ticket.Wait(deadline);
    promise.set_value();
  }

  static guard::OutcomeFacts Served() {
    guard::OutcomeFacts outcome;
    outcome.output_tokens = 8;
    return outcome;
  }

  metrics::Registry registry_;
  net::IoThreads threads_{1};
  std::atomic<std::uint32_t> workers_up_{1};
  LiveDoor door_{guard::Door(Options()),
                 [this] { return guard::EngineReport{.workers_up = workers_up_}; }, registry_};
};

TEST_F(LiveDoorTest, GivesThePlaceOnWhenItsHolderIsDone) {
  auto first = Ask(1);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->is_waiting());
  auto second = Ask(2);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->is_waiting());
  ASSERT_TRUE(second->notice());
  EXPECT_EQ(second->notice()->place, 1u);
  first->OnFirstToken();
  first->End(Served());
  EXPECT_EQ(WaitFor(*second), std::nullopt);
}

TEST_F(LiveDoorTest, ATicketThatIsDroppedGivesItsPlaceBack) {
  auto second = [this] {
    auto first = Ask(1);
    return Ask(2);
  }();
  ASSERT_TRUE(second);
  EXPECT_EQ(WaitFor(*second), std::nullopt);
  second = Ask(3);  // Takes the place of the one that it is assigned over.
  ASSERT_TRUE(second);
  EXPECT_EQ(WaitFor(*second), std::nullopt);
  EXPECT_EQ(door_.counters().events_ignored, 0u);
}

TEST_F(LiveDoorTest, WhoLeavesTheQueueIsForgotten) {
  auto first = Ask(1);
  auto third = [this] {
    auto second = Ask(2);
    return Ask(3);
  }();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->notice()->place, 1u);
  first->End(Served());
  EXPECT_EQ(WaitFor(*third), std::nullopt);
}

TEST_F(LiveDoorTest, CountsEveryAnswerThatIsAskedForAtOnce) {
  auto first = Ask(1);
  const auto many = Ask(1, 8);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().reason, Reason::kYourConcurrency);
  EXPECT_TRUE(Ask(2));
}

TEST_F(LiveDoorTest, RefusesAllThatWaitWhenItDrains) {
  auto first = Ask(1);
  auto second = Ask(2);
  ASSERT_TRUE(second && second->is_waiting());
  door_.Drain();
  const auto refusal = WaitFor(*second);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, Reason::kDraining);
  EXPECT_EQ(Ask(3).error().reason, Reason::kDraining);
  EXPECT_FALSE(first->refusal()) << "what runs goes on";
}

TEST_F(LiveDoorTest, RefusesWhileNoEngineIsUp) {
  workers_up_ = 0;
  const auto deadline = net::Clock::now() + kPatience;
  std::optional<Reason> reason;
  for (std::uint64_t client = 1; !reason && net::Clock::now() < deadline; ++client) {
    const auto asked = Ask(client);
    if (!asked) reason = asked.error().reason;
  }
  EXPECT_EQ(reason, Reason::kEngineRestarting);
  workers_up_ = 1;
  EXPECT_TRUE(Ask(0)) << "who sees that an engine is up may ask it at once";
}

TEST(LiveDoorRegistration, TellsOfEachStepAndSaysWhatIsAskedFor) {
  metrics::Registry registry;
  net::IoThreads threads(1);
  guard::DoorOptions options;
  options.limits = guard::ServiceLimits();
  LiveDoor door(
      guard::Door(options), [] { return guard::EngineReport{.workers_up = 1}; }, registry);
  std::promise<std::pair<guard::SignUpRung, api::GuardRegistration>> told;
  door.OnRegistration([&](guard::SignUpRung from, const api::GuardRegistration& now) {
    told.set_value({from, now});
  });
  EXPECT_FALSE(door.registration().is_restricted());
  std::optional<Reason> refused;
  for (std::uint64_t address = 1; !refused && address < 1000; ++address) {
    guard::RequestFacts facts;
    facts.caller = {.address = address, .prefix = address};
    facts.route = guard::Route::kRegister;
    auto ticket = door.Ask(facts, threads.executor(0));
    if (!ticket && ticket.error().reason != Reason::kQueueFull) refused = ticket.error().reason;
  }
  EXPECT_EQ(refused, Reason::kChallengeRequired);
  threads.Spawn(0, door.Run());
  const auto [from, now] = told.get_future().get();
  EXPECT_EQ(from, guard::SignUpRung::kOpen);
  EXPECT_EQ(now.rung, guard::SignUpRung::kChallenge);
  EXPECT_GT(now.since, 0);
  EXPECT_EQ(now.restricted_at, now.since);
  EXPECT_GT(now.rate, now.baseline);
  EXPECT_TRUE(door.registration().is_restricted());
  EXPECT_GE(door.registration().challenge_bits, 16);
  threads.Stop();
}

}  // namespace
}  // namespace holdfast::server
