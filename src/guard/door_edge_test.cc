// What the door refuses before a request is read: new connections, and requests by their head.
#include <chrono>

#include <gtest/gtest.h>

#include "guard/door.h"
#include "guard/test_house.h"

namespace holdfast::guard {
namespace {

using std::chrono::seconds;
using What = Door::Word;

DoorOptions StrangersMayAskTwice() {
  DoorOptions options = Narrow();
  options.limits.address[static_cast<std::size_t>(Route::kApi)][0] = {0.05, 2};
  return options;
}

// Its body has not been read, and is not needed.
TEST(Door, ARefusalByTheHeadIsCountedAsOneByTheWholeRequest) {
  const RequestFacts asked = {.caller = {.address = 9, .prefix = 90, .fingerprint = 3},
                              .payload = 77,
                              .prompt_tokens = 100,
                              .route = Route::kApi};
  RequestFacts head = asked;
  head.payload = 0;
  head.prompt_tokens = 0;
  House by_head(StrangersMayAskTwice());
  House by_whole(StrangersMayAskTwice());
  for (House* house : {&by_head, &by_whole}) {
    for (int i = 0; i < 2; ++i) house->Admit(asked, 1);
  }
  EXPECT_FALSE(House(StrangersMayAskTwice()).door.AdmitHead(head, AtSeconds(1)));
  const auto foreseen = by_head.door.AdmitHead(head, AtSeconds(2));
  ASSERT_TRUE(foreseen);
  const Door::Word said = by_whole.Admit(asked, 2);
  EXPECT_EQ(foreseen->what, What::kRefuse);
  EXPECT_EQ(foreseen->refusal, Refusal::kYourRate);
  EXPECT_EQ(foreseen->refusal, said.refusal);
  EXPECT_EQ(foreseen->retry_after, said.retry_after);
  EXPECT_EQ(by_head.door.counters().refused, by_whole.door.counters().refused);
}

TEST(Door, AsksAStrangerForAProofOfWorkByTheHeadToo) {
  DoorOptions options = StrangersMayAskTwice();
  options.limits.address[static_cast<std::size_t>(Route::kChat)][0] = {0.05, 1};
  options.strangers_pay = StrangersPay::kWhenShort;
  House house(options);
  const RequestFacts head = {.caller = {.address = 9}, .route = Route::kChat};
  house.Admit(head, 1);
  EXPECT_EQ(house.door.AdmitHead(head, AtSeconds(1))->refusal, Refusal::kChallengeRequired);
}

TEST(Door, RefusesAndCountsConnectionsOverTheirRateButNotAProxysClients) {
  DoorOptions options = Narrow();
  options.limits.connections = {1, 2};
  House house(options);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(house.door.Connect({.address = 9}, false, AtSeconds(1)).what, What::kStart);
  }
  const Door::Word word = house.door.Connect({.address = 9}, false, AtSeconds(1));
  EXPECT_EQ(word.what, What::kRefuse);
  EXPECT_EQ(word.refusal, Refusal::kYourRate);
  EXPECT_EQ(word.retry_after, seconds(1));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(house.door.Edge({.address = 9}, AtSeconds(1)).what, What::kStart)
        << "requests over a proxy's connection are no connections";
  }
  EXPECT_EQ(house.door.counters().edge_refused, 1u);
}

}  // namespace
}  // namespace holdfast::guard
