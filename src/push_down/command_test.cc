#include "push_down/command.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::push_down {
namespace {

TEST(Command, IsReadAsItIsWritten) {
  const struct {
    const char* text;
    const char* same;
  } kCases[] = {
      {"add 192.0.2.1 60", "add 192.0.2.1 60"},
      {"add 192.0.2.1 600", "add 192.0.2.1 600"},
      {"add ::ffff:192.0.2.1 1", "add 192.0.2.1 1"},
      {"add 2001:db8:1:2:3:4:5:6 60", "add 2001:db8:1:2:: 60"},
      {"remove 192.0.2.1", "remove 192.0.2.1"},
      {"remove 2001:DB8:1:2::9", "remove 2001:db8:1:2::"},
  };
  for (const auto& test : kCases) {
    const auto command = ParseCommand(test.text);
    ASSERT_TRUE(command) << test.text;
    EXPECT_EQ(CommandText(*command), test.same);
  }
}

TEST(Command, NothingElseIsOne) {
  for (const std::string& text :
       std::vector<std::string>{"",
                                "add",
                                "add ",
                                "add 192.0.2.1",
                                "add 192.0.2.1 ",
                                "add 192.0.2.1 0",
                                "add 192.0.2.1 -1",
                                "add 192.0.2.1 601",
                                "add 192.0.2.1 6e1",
                                "add 192.0.2.1 60s",
                                "add 192.0.2.1  60",
                                "add 192.0.2.1/24 60",
                                "add 192.0.2.1; flush ruleset 60",
                                "add example.org 60",
                                "remove",
                                "remove ",
                                "remove 192.0.2.1 ",
                                "remove 192.0.2",
                                "flush ruleset",
                                "list ruleset",
                                "ADD 192.0.2.1 60",
                                "add 2001:db8::/64 60",
                                "add fe80::1%eth0 60",
                                std::string("remove 192.0.2.1\0", 17),
                                "add 192.0.2.1 " + std::string(60, '0') + "1"}) {
    EXPECT_FALSE(ParseCommand(text)) << text;
  }
}

TEST(Target, IsNeverOneThatNoStrangerHas) {
  for (const char* text :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "255.255.255.255", "::", "::1",
        "::ffff:127.0.0.1", "ff02::1", "fe80::1", "febf::1"}) {
    EXPECT_FALSE(Target::Parse(text)) << text;
  }
}

TEST(Network, OverlapsByTheShorterPrefix) {
  const auto network = [](const char* text, std::uint8_t bits) {
    Network made = Target::Parse(text)->network();
    made.prefix_bits = bits;
    return made;
  };
  const auto is_in = [&](const char* target, const char* text, std::uint8_t bits) {
    return IsIn(*Target::Parse(target), std::vector{network(text, bits)});
  };
  EXPECT_TRUE(is_in("10.1.2.3", "10.9.9.9", 96 + 8));
  EXPECT_FALSE(is_in("11.1.2.3", "10.9.9.9", 96 + 8));
  EXPECT_TRUE(is_in("192.0.2.1", "192.0.2.1", 128));
  EXPECT_FALSE(is_in("192.0.2.1", "192.0.2.2", 128));
  EXPECT_TRUE(is_in("2001:db8:1:2::", "2001:db8::", 32));
  EXPECT_TRUE(is_in("2001:db8:1:2::", "2001:db8:1:2::", 128)) << "one proxy in the /64 saves it";
  EXPECT_FALSE(is_in("2001:db8:1:2::", "2001:db8:1:3::", 64));
  EXPECT_FALSE(is_in("2001:db8:1:2::", "10.0.0.1", 96));
}

}  // namespace
}  // namespace holdfast::push_down
