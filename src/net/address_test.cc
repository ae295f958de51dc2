#include "net/address.h"

#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

Address At(std::string_view text) { return Address::Parse(text).value(); }

TEST(Address, PrintsWhatItReadsInItsShortestForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
      {"::1", "::1"},
      {"::", "::"},
      {"unix", "unix"},
  };
  for (const auto& [text, printed] : cases) EXPECT_EQ(At(text).ToString(), printed) << text;
}

TEST(Address, RefusesWhatIsNone) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("192.0.2"), std::string_view("192.0.2.256"),
        std::string_view("192.0.2.01"), std::string_view("1.2.3.4:80"), std::string_view("[::1]"),
        std::string_view("fe80::1%eth0"), std::string_view("localhost"),
        std::string_view("1.2.3.4\0", 8), std::string_view(" 1.2.3.4")}) {
    EXPECT_FALSE(Address::Parse(text)) << text;
  }
  EXPECT_FALSE(Address::Parse(std::string(100, '1')));
}

TEST(Address, KnowsThisMachine) {
  for (const char* text : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "unix"}) {
    EXPECT_TRUE(At(text).is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1", "::2", "::", "0.0.0.0", "::7f00:1"}) {
    EXPECT_FALSE(At(text).is_loopback()) << text;
  }
}

TEST(Address, HasTheNetworkOfItsClientAndOfItsSite) {
  struct Case {
    const char* address;
    const char* client;
    const char* site;
  };
  for (const Case& c : {Case{"192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"},
                        Case{"::ffff:192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"},
                        Case{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
                        Case{"unix", "unix", "unix"}}) {
    EXPECT_EQ(At(c.address).client_network().ToString(), c.client);
    EXPECT_EQ(At(c.address).site().ToString(), c.site);
  }
}

TEST(Address, HashesApart) {
  std::unordered_set<Address> addresses{At("unix"), At("::"), At("::1"), At("0.0.0.0")};
  EXPECT_EQ(addresses.size(), 4u);
  EXPECT_TRUE(addresses.contains(At("::ffff:0.0.0.0")));
}

TEST(Network, HoldsTheAddressesOfItsPrefixAndKind) {
  struct Case {
    const char* network;
    std::vector<const char*> in;
    std::vector<const char*> out;
  };
  for (const Case& c : {
           Case{"10.0.0.0/8", {"10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"}, {"11.0.0.0"}},
           Case{"192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127"}},
           Case{"0.0.0.0/0", {"1.2.3.4"}, {"::1", "unix"}},
           Case{"::/0", {"::1", "2001:db8::"}, {"1.2.3.4", "unix"}},
           Case{"::1", {"::1"}, {"::2", "0.0.0.1"}},
           Case{"2001:db8::/33", {"2001:db8:7fff::1"}, {"2001:db8:8000::1"}},
           Case{"unix", {"unix"}, {"::", "127.0.0.1"}},
       }) {
    const Result<Network> network = Network::Parse(c.network);
    ASSERT_TRUE(network) << network.error().message;
    for (const char* text : c.in) EXPECT_TRUE(network->Contains(At(text))) << c.network << text;
    for (const char* text : c.out) EXPECT_FALSE(network->Contains(At(text))) << c.network << text;
  }
}

TEST(Network, RefusesWhatIsNoneOrSetsBitsBeyondItsPrefix) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8 ",
                           "10.0.0.1/8", "2001:db8::1/64", "unix/0", "10.0.0.0/-1", "10/8"}) {
    EXPECT_FALSE(Network::Parse(text)) << text;
  }
}

TEST(Network, IsLookedForInAList) {
  const std::vector<Network> networks{*Network::Parse("10.0.0.0/8"), *Network::Parse("unix")};
  EXPECT_TRUE(IsIn(At("10.9.8.7"), networks));
  EXPECT_TRUE(IsIn(At("unix"), networks));
  EXPECT_FALSE(IsIn(At("127.0.0.1"), networks));
  EXPECT_FALSE(IsIn(At("127.0.0.1"), {}));
}

}  // namespace
}  // namespace holdfast::net
