#include "server/identity.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

class IdentityTest : public ::testing::Test {
 protected:
  Identity Of(std::string_view address, std::vector<http::Header> headers = {}) const {
    http::RequestHead head;
    head.headers = std::move(headers);
    Identity identity = hasher_.Identify(head, {*net::Address::Parse(address), false, {}});
    hasher_.NameStranger(identity, head);
    return identity;
  }

  const crypto::HashKey key_ = crypto::HashKey::Random();
  const CallerHasher hasher_{key_};
};

TEST_F(IdentityTest, CountsAnIpv6ClientByItsNetwork) {
  const guard::Caller a = Of("2001:db8:1:2::1").caller;
  EXPECT_EQ(a.address, Of("2001:db8:1:2:ffff::9").caller.address);
  EXPECT_NE(a.address, Of("2001:db8:1:3::1").caller.address);
  EXPECT_EQ(a.prefix, Of("2001:db8:1:3::1").caller.prefix);
  EXPECT_NE(Of("192.0.2.1").caller.address, Of("192.0.2.2").caller.address);
  EXPECT_EQ(Of("192.0.2.1").caller.prefix, Of("192.0.2.2").caller.prefix);
  EXPECT_EQ(Of("::ffff:192.0.2.1").caller.address, Of("192.0.2.1").caller.address);
}

TEST_F(IdentityTest, KeepsPeopleBehindOneAddressApartWhereItCan) {
  const Identity one = Of("192.0.2.1", {{"User-Agent", "Mozilla/5.0"}, {"Authorization", "a"}});
  const Identity again = Of("192.0.2.1", {{"User-Agent", "Mozilla/6.1"}, {"Authorization", "a"}});
  EXPECT_EQ(one.client, again.client) << "an update of the browser is no other client";
  EXPECT_NE(one.client,
            Of("192.0.2.1", {{"User-Agent", "Mozilla/5.0"}, {"Authorization", "b"}}).client);
  EXPECT_NE(one.client, Of("192.0.2.1", {{"User-Agent", "curl/8"}, {"Authorization", "a"}}).client);
  EXPECT_EQ(one.caller.address, Of("192.0.2.1").caller.address) << "a limit counts them together";
}

TEST_F(IdentityTest, TellsNothingWithoutTheKey) {
  const crypto::HashKey other = crypto::HashKey::Random();
  const net::Address address = *net::Address::Parse("192.0.2.1");
  EXPECT_NE(hasher_.OfAddress(address).address, CallerHasher(other).OfAddress(address).address);
  EXPECT_EQ(Of("192.0.2.1").client.find("192"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::server
