#include "http/host.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Host, IsReadByItsGrammar) {
  struct Case {
    const char* text;
    const char* name;
    bool is_literal;
    int port;  // -1: none.
  };
  for (const Case& c :
       {Case{"localhost", "localhost", false, -1}, Case{"LocalHost:8080", "localhost", false, 8080},
        Case{"chat.example.:443", "chat.example", false, 443}, Case{"a:", "a", false, -1},
        Case{"127.0.0.1:80", "127.0.0.1", true, 80}, Case{"[::1]", "::1", true, -1},
        Case{"[2001:DB8::1]:65535", "2001:db8::1", true, 65535}, Case{"127.1", "127.1", false, -1},
        Case{"2130706433", "2130706433", false, -1},
        Case{"a%2Fb!$&'()*+,;=~", "a%2fb!$&'()*+,;=~", false, -1},
        Case{"unix", "unix", false, -1}}) {
    const std::optional<Host> host = ParseHost(c.text);
    ASSERT_TRUE(host) << c.text;
    EXPECT_EQ(host->name, c.name);
    EXPECT_EQ(host->address.has_value(), c.is_literal) << c.text;
    EXPECT_EQ(host->port ? *host->port : -1, c.port) << c.text;
  }
}

TEST(Host, IsMalformed) {
  for (const char* text : {"", ":80", "a b", "a/b", "user@a", "::1", "[::1", "[::1]80", "[::1]:x",
                           "[127.0.0.1]", "[localhost]", "[fe80::1%eth0]", "a:65536", "a:-1",
                           "a:80:80", "a%2", "a%zz", "a,b:c", "\xc3\xa4.example"}) {
    EXPECT_FALSE(ParseHost(text)) << text;
  }
  EXPECT_FALSE(ParseHost(std::string(256, 'a')));
  EXPECT_TRUE(ParseHost(std::string(255, 'a')));
}

TEST(Host, IsAllowedByTheRules) {
  const HostRules nothing;
  const HostRules named{{"chat.example", "*.wild.example"}, false};
  const HostRules open{{}, true};
  const HostRules any{{"*"}, false};
  struct Case {
    const char* host;
    const HostRules& rules;
    bool is_allowed;
  };
  for (const Case& c : {
           Case{"localhost:1", nothing, true},
           Case{"LOCALHOST.", nothing, true},
           Case{"127.9.9.9:80", nothing, true},
           Case{"[::1]:8080", nothing, true},
           Case{"[::ffff:127.0.0.1]", nothing, true},
           Case{"evil.example:8080", nothing, false},
           Case{"localhost.evil.example", nothing, false},
           Case{"127.0.0.1.evil.example", nothing, false},
           Case{"127.1", nothing, false},
           Case{"0.0.0.0", nothing, false},
           Case{"192.0.2.1", nothing, false},
           Case{"unix", nothing, false},
           Case{"Chat.Example:8443", named, true},
           Case{"chat.example.", named, true},
           Case{"a.wild.example", named, true},
           Case{"a.b.wild.example", named, true},
           Case{"wild.example", named, false},
           Case{".wild.example", named, false},
           Case{"awild.example", named, false},
           Case{"other.example", named, false},
           Case{"192.0.2.1", named, false},
           Case{"192.0.2.1:80", open, true},
           Case{"[2001:db8::1]", open, true},
           Case{"evil.example", open, false},
           Case{"3221225985", open, false},
           Case{"evil.example", any, true},
       }) {
    const std::optional<Host> host = ParseHost(c.host);
    ASSERT_TRUE(host) << c.host;
    EXPECT_EQ(IsAllowedHost(*host, c.rules), c.is_allowed) << c.host;
  }
}

TEST(Host, AForeignOneIsMisdirectedAndABrokenOneABadRequest) {
  RequestHead head;
  head.host = "evil.example:8080";
  const auto foreign = CheckHost(head, {});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().status, 421);
  EXPECT_EQ(foreign.error().reason, Reason::kForeignHost);
  head.host = "evil.example:8080/";
  ASSERT_FALSE(CheckHost(head, {}));
  EXPECT_EQ(CheckHost(head, {}).error().status, 400);
  head.host = "localhost";
  EXPECT_TRUE(CheckHost(head, {}));
  head.host.clear();
  EXPECT_FALSE(CheckHost(head, {}));
  head.is_http_1_0 = true;
  EXPECT_TRUE(CheckHost(head, {}));
}

TEST(Host, ASettingNamesHostsWithoutPorts) {
  for (const char* pattern : {"chat.example", "*.example", "*", "localhost", "192.0.2.1"}) {
    EXPECT_TRUE(CheckHostPattern(pattern)) << pattern;
  }
  for (const char* pattern : {"", "chat.example:80", "http://chat.example", "a.*.example", "*a",
                              "*.", ".example", "**"}) {
    EXPECT_FALSE(CheckHostPattern(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace holdfast::http
