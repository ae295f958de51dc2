// What the guard decides, as far as the kernel: over a cable between two network namespaces.
#include "server/kernel_list.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "push_down/test_network.h"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNotDropped{5'000};
constexpr milliseconds kDropped{300};
constexpr std::uint64_t kHash = 42;

net::Address AddressOf(const char* text) { return *net::Address::Parse(text); }

class KernelListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (network_.why) GTEST_SKIP() << *network_.why;
    Result<push_down::Helper> helper =
        push_down::Helper::Start({.port = listener_->port(), .never = {}});
    if (!helper) GTEST_SKIP() << helper.error().message;
    helper_.emplace(std::move(*helper));
    list_.emplace(&*helper_, "", book_, door_, registry_);
  }

  guard::RestrictionRecord Record(guard::RestrictionEvent event, guard::RestrictionAction action,
                                  guard::Duration term = std::chrono::minutes(10)) const {
    return {.event = event,
            .restriction = {.id = 1,
                            .expires = door_.Clock() + term,
                            .what = {.scope = {guard::ScopeKind::kAddress, kHash},
                                     .action = action,
                                     .rule = "ignores_refusals"}}};
  }
  bool CanConnect(milliseconds patience) const {
    return network_.CanConnect("10.99.0.2", listener_->port(), patience);
  }

  push_down::TestNetwork network_;
  std::optional<push_down::TestListener> listener_{std::in_place};
  std::optional<push_down::Helper> helper_;
  metrics::Registry registry_;
  LiveDoor door_{guard::Door({}), [] { return guard::EngineReport{}; }, registry_};
  AddressBook book_{{*net::Network::Parse("10.99.0.4")}};
  std::optional<KernelList> list_;
};

TEST_F(KernelListTest, DropsWhoIsPushedDownAndUndoLetsItBackAtOnce) {
  using enum guard::RestrictionEvent;
  book_.Note(kHash, AddressOf("10.99.0.2"));
  list_->OnRecord(Record(kImposed, guard::RestrictionAction::kRefuse));
  EXPECT_TRUE(CanConnect(kNotDropped)) << "who is only refused may connect";
  list_->OnRecord(Record(kRenewed, guard::RestrictionAction::kPushDown));
  EXPECT_FALSE(CanConnect(kDropped));
  EXPECT_EQ(list_->State().at("addresses").as_uint64(), 1u);
  list_->OnRecord(Record(kUndone, guard::RestrictionAction::kPushDown));
  EXPECT_TRUE(CanConnect(kNotDropped));
  EXPECT_EQ(list_->State().at("addresses").as_uint64(), 0u);
}

TEST_F(KernelListTest, DropsNobodyWhoseAddressIsNotKnownOrSpared) {
  using enum guard::RestrictionEvent;
  list_->OnRecord(Record(kImposed, guard::RestrictionAction::kPushDown));
  EXPECT_TRUE(CanConnect(kNotDropped));
  for (const char* spared : {"10.99.0.4", "127.0.0.1", "::1"}) {
    book_.Note(kHash, AddressOf(spared));
    EXPECT_FALSE(book_.Find(kHash)) << spared;
  }
}

TEST_F(KernelListTest, GoesOnWithoutTheKernelWhenTheHelperHasEnded) {
  using enum guard::RestrictionEvent;
  book_.Note(kHash, AddressOf("10.99.0.2"));
  ::kill(helper_->pid(), SIGKILL);
  list_->OnRecord(Record(kImposed, guard::RestrictionAction::kPushDown));
  EXPECT_FALSE(list_->State().at("is_on").as_bool());
  list_->OnRecord(Record(kUndone, guard::RestrictionAction::kPushDown));
}

TEST(AddressBook, KeepsTheLatestOfThoseThatMeet) {
  AddressBook book({});
  constexpr std::uint64_t kSets = AddressBook::kPlaces / 4;
  const auto address = [](std::uint8_t last) { return net::Address::V4({192, 0, 2, last}); };
  for (std::uint8_t i = 1; i <= 4; ++i) book.Note(i * kSets, address(i));
  book.Note(1 * kSets, address(1));
  book.Note(5 * kSets, address(5));
  EXPECT_EQ(book.Find(1 * kSets), address(1));
  EXPECT_EQ(book.Find(2 * kSets), std::nullopt);
  EXPECT_EQ(book.Find(5 * kSets), address(5));
  EXPECT_EQ(book.Find(0), std::nullopt);
}

}  // namespace
}  // namespace holdfast::server
