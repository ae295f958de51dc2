#include "guard/evidence/client_store.h"

#include <map>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr Duration kIdle = std::chrono::seconds(60);

TEST(ClientStore, FindsWhatItTookUntilItMakesRoomForOthers) {
  ClientStore store(16, kIdle, 1);
  for (std::uint64_t client = 1; client <= 16; ++client) {
    ASSERT_NE(store.Take(client, AtSeconds(1)), nullptr);
  }
  store.Find(3)->last_seen = AtSeconds(100);
  for (std::uint64_t client = 17; client <= 31; ++client) {
    ClientFeatures* taken = store.Take(client, AtSeconds(100));
    ASSERT_NE(taken, nullptr) << client;
    EXPECT_EQ(taken->client, client);
  }
  EXPECT_EQ(store.share(), 1);
  EXPECT_NE(store.Find(3), nullptr);
  EXPECT_EQ(store.clients().size(), 16U);
}

TEST(ClientStore, KeepsAUniformSampleOfClientsThatAreAllAtWork) {
  constexpr std::uint64_t kClients = 200'000;
  double estimate = 0;
  constexpr int kSeeds = 20;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    ClientStore store(4096, kIdle, seed);
    for (std::uint64_t client = 1; client <= kClients; ++client) {
      store.Take(client, AtSeconds(1));
      ASSERT_LE(store.clients().size(), 4096U);
    }
    EXPECT_LT(store.share(), 0.03);
    EXPECT_GT(store.clients().size(), 1500U);
    estimate += static_cast<double>(store.clients().size()) / store.share() / kSeeds;
  }
  EXPECT_NEAR(estimate / kClients, 1, 0.02);  // Each seed scatters by 2 %.
}

TEST(ClientStore, TakesEverybodyAgainWhenTheRushIsOver) {
  ClientStore store(256, kIdle, 2);
  for (std::uint64_t client = 1; client <= 5000; ++client) store.Take(client, AtSeconds(1));
  ASSERT_LT(store.share(), 0.1);
  int relaxed = 0;
  while (store.Relax(AtSeconds(100))) ++relaxed;
  EXPECT_GT(relaxed, 3);
  EXPECT_EQ(store.share(), 1);
  EXPECT_NE(store.Take(1, AtSeconds(100)), nullptr);
}

TEST(ClientStore, AgreesWithAMapUnderRandomUse) {
  ClientStore store(64, kIdle, 3);
  std::map<std::uint64_t, std::uint32_t> truth;
  Random random(4);
  for (int step = 0; step < 20'000; ++step) {
    const Time now = AtSeconds(step * 0.9);  // At most 67 clients within kIdle.
    const std::uint64_t client = 1 + random.Next() % 5000;
    if (const ClientFeatures* known = store.Find(client)) {
      EXPECT_EQ(known->requests, truth[client]);
    }
    ClientFeatures* taken = store.Take(client, now);
    if (taken == nullptr) continue;
    taken->last_seen = now;
    taken->requests = static_cast<std::uint32_t>(step);
    truth[client] = taken->requests;
  }
  for (const ClientFeatures& client : store.clients()) {
    ASSERT_NE(store.Find(client.client), nullptr);
    EXPECT_EQ(store.Find(client.client)->requests, truth[client.client]);
  }
}

}  // namespace
}  // namespace holdfast::guard
