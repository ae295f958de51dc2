#include "server/admission.h"

#include <future>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "net/io_threads.h"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;

// One request on an I/O thread: waits for its ticket there, holds it until told.
class Asker {
 public:
  Asker(net::IoThreads& threads, Admission& admission, std::string client)
      : threads_(threads),
        facts_{.client = std::move(client), .is_generation = true},
        event_(std::make_shared<net::Event>(threads.executor(0))) {
    threads_.Spawn(0, Ask(admission));
  }
  ~Asker() { Drop(); }

  // The reason of the refusal, or nullopt for a ticket.
  std::optional<Reason> Outcome() { return outcome_.get_future().get(); }
  void Leave() {
    threads_.Run(0, [this] {
      is_gone_ = true;
      event_->Notify();
    });
  }
  void Drop() {
    threads_.Run(0, [this] { ticket_.reset(); });
  }

 private:
  net::Awaitable<void> Ask(Admission& admission) {
    auto ticket = co_await admission.Admit(facts_, event_, is_gone_);
    std::optional<Reason> reason;
    if (ticket) ticket_.emplace(std::move(*ticket));
    if (!ticket) reason = ticket.error().reason;
    outcome_.set_value(reason);
  }

  net::IoThreads& threads_;
  const RequestFacts facts_;
  std::shared_ptr<net::Event> event_;
  bool is_gone_ = false;
  std::optional<AdmissionTicket> ticket_;
  std::promise<std::optional<Reason>> outcome_;
};

class AdmissionTest : public ::testing::Test {
 protected:
  // Waits until that many wait; they get there on the I/O thread.
  static void UntilWaiting(net::IoThreads& threads, const Admission& admission, std::size_t count) {
    while (admission.counts().waiting < count) threads.Run(0, [] {});
  }
};

TEST_F(AdmissionTest, GivesTicketsUpToTheLimitThenPlacesInTheQueue) {
  Admission admission({.concurrency_max = 1,
                       .per_client_max = 10,
                       .waiting_max = 1,
                       .waiting_time_max = milliseconds(60'000)});
  net::IoThreads threads(1);
  Asker first(threads, admission, "a");
  EXPECT_EQ(first.Outcome(), std::nullopt);
  Asker second(threads, admission, "b");
  UntilWaiting(threads, admission, 1);
  Asker third(threads, admission, "c");
  EXPECT_EQ(third.Outcome(), Reason::kQueueFull);
  first.Drop();
  EXPECT_EQ(second.Outcome(), std::nullopt);
  second.Drop();
  EXPECT_EQ(admission.counts().running, 0u);
  EXPECT_EQ(admission.counts().waiting, 0u);
}

TEST_F(AdmissionTest, RefusesAClientOverItsShare) {
  Admission admission({.concurrency_max = 10,
                       .per_client_max = 1,
                       .waiting_max = 10,
                       .waiting_time_max = milliseconds(0)});
  net::IoThreads threads(1);
  Asker first(threads, admission, "a");
  EXPECT_EQ(first.Outcome(), std::nullopt);
  Asker second(threads, admission, "a");
  EXPECT_EQ(second.Outcome(), Reason::kYourConcurrency);
  Asker other(threads, admission, "b");
  EXPECT_EQ(other.Outcome(), std::nullopt);
  first.Drop();
  Asker again(threads, admission, "a");
  EXPECT_EQ(again.Outcome(), std::nullopt);
}

TEST_F(AdmissionTest, RefusesWhoWaitedTooLong) {
  Admission admission({.concurrency_max = 1,
                       .per_client_max = 10,
                       .waiting_max = 1,
                       .waiting_time_max = milliseconds(1)});
  net::IoThreads threads(1);
  Asker first(threads, admission, "a");
  EXPECT_EQ(first.Outcome(), std::nullopt);
  Asker second(threads, admission, "b");
  EXPECT_EQ(second.Outcome(), Reason::kDeadlineUnreachable);
  EXPECT_EQ(admission.counts().waiting, 0u);
}

TEST_F(AdmissionTest, WhoLeavesTheQueueIsForgotten) {
  Admission admission({.concurrency_max = 1,
                       .per_client_max = 1,
                       .waiting_max = 1,
                       .waiting_time_max = milliseconds(60'000)});
  net::IoThreads threads(1);
  Asker first(threads, admission, "a");
  EXPECT_EQ(first.Outcome(), std::nullopt);
  Asker second(threads, admission, "b");
  UntilWaiting(threads, admission, 1);
  second.Leave();
  EXPECT_NE(second.Outcome(), std::nullopt);
  EXPECT_EQ(admission.counts().waiting, 0u);
  // Its share is free again, and so is the place in the queue.
  Asker third(threads, admission, "b");
  UntilWaiting(threads, admission, 1);
  first.Drop();
  EXPECT_EQ(third.Outcome(), std::nullopt);
}

}  // namespace
}  // namespace holdfast::server
