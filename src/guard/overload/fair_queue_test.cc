#include "guard/overload/fair_queue.h"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr FairQueue::Shares kShares = [] {
  FairQueue::Shares shares{};
  shares[static_cast<int>(ServiceClass::kNew)] = 0.05;
  shares[static_cast<int>(ServiceClass::kAnonymous)] = 0.01;
  return shares;
}();

// Slots are handed out in order and never reused.
class Line {
 public:
  explicit Line(std::size_t slots_max, bool is_fair = true)
      : clients_(4096), queue_(slots_max, kShares, is_fair, clients_) {}

  FairQueue::Slot Push(std::uint64_t client, double cost,
                       ServiceClass service_class = ServiceClass::kHistory) {
    const auto index =
        clients_.Find(client, service_class, queue_.virtual_time(service_class), Time{});
    queue_.Push(next_, service_class, index, cost);
    names_[next_] = {client, service_class, cost, index};
    return next_++;
  }

  struct Name {
    std::uint64_t client = 0;
    ServiceClass service_class = ServiceClass::kHistory;
    double cost = 0;
    ClientTable::Index index = 0;
  };
  Name Pop() {
    const FairQueue::Slot slot = queue_.Pop();
    const Name name = names_[slot];
    names_.erase(slot);
    return name;
  }

  ClientTable clients_;
  FairQueue queue_;
  FairQueue::Slot next_ = 0;
  std::map<FairQueue::Slot, Name> names_;
};

TEST(FairQueue, FirstComeFirstServedWhenAllAreAlike) {
  Line line(10);
  for (std::uint64_t client = 1; client <= 5; ++client) line.Push(client, 10);
  for (std::uint64_t client = 1; client <= 5; ++client) EXPECT_EQ(line.Pop().client, client);
}

// Where the table of clients is full, newcomers are counted together; each class for itself.
TEST(FairQueue, CountsTheClientsOfEachClassAlsoWhenTheTableIsFull) {
  ClientTable clients(8);
  FairQueue queue(64, kShares, true, clients);
  FairQueue::Slot next = 0;
  const auto push = [&](std::uint64_t client, ServiceClass service_class) {
    queue.Push(next++, service_class, clients.Find(client, service_class, 0, Time{}), 10);
  };
  for (std::uint64_t client = 1; client <= 8; ++client) push(client, ServiceClass::kHistory);
  for (std::uint64_t client = 100; client < 116; ++client) {
    push(client, ServiceClass::kNew);
    push(client, ServiceClass::kAnonymous);
  }
  for (FairQueue::Slot slot = 0; slot < next; ++slot) {
    queue.Erase(slot);
    EXPECT_LE(queue.clients_waiting(ServiceClass::kNew), 16u);
    EXPECT_LE(queue.clients_waiting(ServiceClass::kAnonymous), 16u);
    EXPECT_EQ(queue.clients_waiting(ServiceClass::kHistory), slot < 8 ? 7u - slot : 0u);
  }
  EXPECT_EQ(queue.clients_waiting(ServiceClass::kNew), 0u);
  EXPECT_EQ(queue.clients_waiting(ServiceClass::kAnonymous), 0u);
}

TEST(FairQueue, OneClientWithAThousandRequestsIsOneClient) {
  Line line(1100);
  for (int i = 0; i < 1000; ++i) line.Push(1, 10);
  for (int i = 0; i < 50; ++i) line.Push(2, 10);
  int second = 0;
  for (int i = 0; i < 60; ++i) second += line.Pop().client == 2;
  EXPECT_GE(second, 29);
}

TEST(FairQueue, WhoeverIsAwayGainsNothing) {
  Line line(300);
  for (int i = 0; i < 100; ++i) line.Push(1, 10);
  for (int i = 0; i < 50; ++i) line.Pop();
  // Client 2 was away; it has no claim on the fifty turns it did not ask for.
  for (int i = 0; i < 100; ++i) line.Push(2, 10);
  int first = 0;
  for (int i = 0; i < 40; ++i) first += line.Pop().client == 1;
  EXPECT_NEAR(first, 20, 2);
}

// VTC's bound, by brute force: clients that always wait differ by at most 2U in what they were
// charged, over every stretch of time; heads by at most U.
TEST(FairQueue, HoldsItsBoundAtEveryStep) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    constexpr int kClients = 12;
    Line line(40'000);
    std::array<int, kClients> waiting{};
    std::array<double, kClients> served{};
    const auto push = [&](int client) {
      line.Push(static_cast<std::uint64_t>(client) + 1, 1 + 99 * random.Uniform());
      ++waiting[static_cast<std::size_t>(client)];
    };
    // The first four always wait, the others come and go.
    for (int step = 0; step < 5000; ++step) {
      for (int client = 0; client < 4; ++client) {
        while (waiting[static_cast<std::size_t>(client)] < 3) push(client);
      }
      if (random.Uniform() < 0.5) push(4 + static_cast<int>(random.Next() % (kClients - 4)));
      const Line::Name name = line.Pop();
      const auto client = static_cast<std::size_t>(name.client - 1);
      --waiting[client];
      served[client] += name.cost;
      for (std::size_t a = 0; a < 4; ++a) {
        for (std::size_t b = 0; b < 4; ++b) {
          EXPECT_LE(served[a] - served[b], 2 * line.queue_.charge_max()) << "seed " << seed;
        }
      }
      std::map<ClientTable::Index, double> heads;
      for (const auto& [slot, waits] : line.names_) {
        const double tag = line.queue_.key(slot).tag;
        const auto [head, is_new] = heads.try_emplace(waits.index, tag);
        head->second = std::min(head->second, tag);
      }
      double low = 1e300;
      double high = 0;
      for (const auto& [index, tag] : heads) {
        low = std::min(low, tag);
        high = std::max(high, tag);
      }
      EXPECT_LE(high - low, line.queue_.charge_max() * (1 + 1e-9)) << "seed " << seed;
    }
  }
}

TEST(FairQueue, AnEndlessStreamOfNewcomersStarvesNobody) {
  Line line(10'000);
  for (int i = 0; i < 20; ++i) line.Push(1, 10);
  for (std::uint64_t client = 2; client < 20; ++client) line.Push(client, 10);
  std::uint64_t newcomer = 1000;
  int turns = 0;
  for (int step = 0; step < 5000 && turns < 20; ++step) {
    line.Push(newcomer++, 10);
    turns += line.Pop().client == 1;
  }
  EXPECT_EQ(turns, 20);
}

TEST(FairQueue, AnAnswerLongerThanPredictedIsPaidNextTime) {
  Line line(100);
  line.Push(1, 10);
  const Line::Name name = line.Pop();
  line.clients_[name.index].owed += 30;
  line.Push(2, 40);  // U is 40.
  line.Push(1, 10);
  line.Push(1, 10);
  line.Push(3, 10);
  line.Push(4, 10);
  // Its first request stands where it would; its second comes 40 later, not 10.
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 5; ++i) order.push_back(line.Pop().client);
  EXPECT_EQ(order.back(), 1u);
}

TEST(FairQueue, LeavingUnservedCostsNothing) {
  Line line(100);
  line.Push(1, 10);
  line.Pop();
  const auto slot = line.Push(2, 50);
  const double before = line.queue_.key(slot).tag;
  line.queue_.Erase(slot);
  line.names_.erase(slot);
  EXPECT_EQ(line.queue_.key(line.Push(2, 50)).tag, before);
}

TEST(FairQueue, HigherClassesFirstButLowerOnesGetTheirShare) {
  Line line(30'000);
  for (int i = 0; i < 10'000; ++i) {
    const auto client = static_cast<std::uint64_t>(1 + i % 100);
    line.Push(client, 10, ServiceClass::kHistory);
    line.Push(client, 10, ServiceClass::kNew);
    line.Push(client, 10, ServiceClass::kAnonymous);
  }
  std::map<ServiceClass, int> served;
  for (int i = 0; i < 8000; ++i) ++served[line.Pop().service_class];
  EXPECT_NEAR(served[ServiceClass::kNew], 400, 10);
  EXPECT_NEAR(served[ServiceClass::kAnonymous], 80, 5);
  EXPECT_GT(served[ServiceClass::kHistory], 7500);
}

TEST(FairQueue, CountsWhatStandsBefore) {
  Line line(10);
  line.Push(1, 10);
  line.Push(2, 20);
  line.Push(2, 30);
  const Client newcomer;
  const OrderTree::Key key = line.queue_.NextKey(ServiceClass::kHistory, newcomer);
  const OrderTree::Sum before = line.queue_.Before(ServiceClass::kHistory, key);
  EXPECT_EQ(before.count, 2u);  // The second request of client 2 comes after a newcomer's first.
  EXPECT_EQ(before.cost, 30);
  EXPECT_EQ(line.queue_.Total(ServiceClass::kHistory).cost, 60);
}

TEST(FairQueue, WithoutFairnessTheOrderOfComing) {
  Line line(10, false);
  line.Push(1, 10);
  line.Push(1, 10);
  line.Push(2, 10);
  EXPECT_EQ(line.Pop().client, 1u);
  EXPECT_EQ(line.Pop().client, 1u);
  EXPECT_EQ(line.Pop().client, 2u);
}

}  // namespace
}  // namespace holdfast::guard
