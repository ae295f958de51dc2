#include "net/connection_quota.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(ConnectionQuota, RefusesOverTheTotal) {
  const auto quota = ConnectionQuota::Make({.total_max = 2, .per_address_max = 2});
  const auto first = quota->Take("192.0.2.1");
  {
    const auto second = quota->Take("192.0.2.2");
    EXPECT_TRUE(second);
    EXPECT_FALSE(quota->Take("192.0.2.3"));
  }
  EXPECT_TRUE(quota->Take("192.0.2.3"));
}

TEST(ConnectionQuota, RefusesOneAddressAndServesAnother) {
  const auto quota = ConnectionQuota::Make({.total_max = 10, .per_address_max = 1});
  const auto first = quota->Take("192.0.2.1");
  EXPECT_FALSE(quota->Take("192.0.2.1"));
  EXPECT_FALSE(quota->Take("::ffff:192.0.2.1"));
  EXPECT_TRUE(quota->Take("192.0.2.2"));
}

TEST(ConnectionQuota, CountsAnIpv6NetworkAsOneClient) {
  const auto quota = ConnectionQuota::Make({.total_max = 10, .per_address_max = 1});
  const auto first = quota->Take("2001:db8:1:2::1");
  EXPECT_FALSE(quota->Take("2001:db8:1:2:ffff::9"));
  EXPECT_TRUE(quota->Take("2001:db8:1:3::1"));
}

TEST(ConnectionQuota, GivesEverySlotBack) {
  const auto quota = ConnectionQuota::Make({.total_max = 4, .per_address_max = 4});
  {
    std::vector<ConnectionSlot> slots;
    while (auto slot = quota->Take("192.0.2.1")) slots.push_back(std::move(*slot));
    EXPECT_EQ(slots.size(), 4u);
    EXPECT_EQ(quota->open_count(), 4u);
  }
  EXPECT_EQ(quota->open_count(), 0u);
}

}  // namespace
}  // namespace holdfast::net
