#include "net/proxy_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using Kind = ProxyPrefix::Kind;
using namespace std::string_literals;

const std::string kBegin = "\r\n\r\n\0\r\nQUIT\n"s;

std::string Binary(char command, char family, const std::string& rest) {
  return kBegin + command + family + static_cast<char>(rest.size() >> 8) +
         static_cast<char>(rest.size() & 0xff) + rest;
}

// 192.0.2.1:0x1234 to 198.51.100.2:443.
const std::string kV4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x34\x01\xbb"s;
const std::string kV6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07"s +
                        std::string(16, '\1') + "\x12\x34\x01\xbb"s;

TEST(ProxyProtocol, NamesTheClient) {
  struct Case {
    std::string header;
    const char* client;  // Null: the proxy itself.
  };
  for (const Case& c :
       {Case{"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1"},
        Case{"PROXY TCP6 2001:db8::7 2001:db8::8 1 65535\r\n", "2001:db8::7"},
        Case{"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"},
        Case{"PROXY UNKNOWN\r\n", nullptr}, Case{"PROXY UNKNOWN ff:: :: 1 2 and more\r\n", nullptr},
        Case{Binary(0x21, 0x11, kV4), "192.0.2.1"}, Case{Binary(0x21, 0x21, kV6), "2001:db8::7"},
        Case{Binary(0x21, 0x00, "anything"), nullptr}, Case{Binary(0x20, 0x11, kV4), nullptr},
        Case{Binary(0x20, 0x00, ""), nullptr},
        // An extension of no bytes, one of two, and padding.
        Case{Binary(0x21, 0x11, kV4 + "\xEE\0\0\x02\0\x02hi\x04\0\0"s), "192.0.2.1"}}) {
    const Result<ProxyPrefix> prefix = ReadProxyPrefix(c.header + "GET / HTTP/1.1\r\n");
    ASSERT_TRUE(prefix) << prefix.error().message;
    EXPECT_EQ(prefix->kind, Kind::kWhole);
    EXPECT_EQ(prefix->bytes, c.header.size());
    const std::string client = prefix->client ? prefix->client->ToString() : "none";
    EXPECT_EQ(client, c.client == nullptr ? "none" : c.client) << c.header;
  }
}

TEST(ProxyProtocol, WaitsForAWholeHeader) {
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"s, Binary(0x21, 0x11, kV4)}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      const Result<ProxyPrefix> prefix = ReadProxyPrefix(header.substr(0, size));
      ASSERT_TRUE(prefix) << size;
      EXPECT_EQ(prefix->kind, Kind::kIncomplete) << size;
    }
  }
}

TEST(ProxyProtocol, LeavesWhatBeginsWithoutOne) {
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\n"s, "P"s + "OST / HTTP/1.1\r\n", "\x16\x03\x01"s, "\r\n\r\nGET"s}) {
    const Result<ProxyPrefix> prefix = ReadProxyPrefix(bytes);
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->kind, Kind::kAbsent) << bytes;
  }
}

TEST(ProxyProtocol, RefusesABrokenHeader) {
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n"s, "PROXY TCP4 ::1 ::1 1 2\r\n"s,
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"s,
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"s, "PROXY TCP4  192.0.2.1 1.2.3.4 1 2\r\n"s,
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"s, "PROXY TCP6 unix unix 1 2\r\n"s,
        "PROXY \r\n"s, "PROXY UNKNOWN "s + std::string(107, 'x'), Binary(0x11, 0x11, kV4),
        Binary(0x22, 0x11, kV4), Binary(0x21, 0x12, kV4), Binary(0x21, 0x31, kV4),
        Binary(0x21, 0x21, kV4), Binary(0x21, 0x11, kV4.substr(1)),
        Binary(0x21, 0x11, kV4 + "\xEE\0"s), Binary(0x21, 0x11, kV4 + "\xEE\0\x02x"s),
        Binary(0x21, 0x11, kV4 + "\x03\0\x02xx"s), Binary(0x21, 0x00, std::string(521, 'x'))}) {
    EXPECT_FALSE(ReadProxyPrefix(header)) << header;
  }
}

TEST(ProxyProtocol, ChecksTheChecksum) {
  // The sum of this header, worked out with another program.
  std::string header = Binary(0x21, 0x11, kV4 + "\x03\0\x04\0\0\0\0"s);
  header.replace(header.size() - 4, 4, "\x00\x00\x00\x00"s);
  EXPECT_FALSE(ReadProxyPrefix(header));
  header.replace(header.size() - 4, 4, "\xf6\x03\xd2\x3a"s);
  const Result<ProxyPrefix> prefix = ReadProxyPrefix(header);
  ASSERT_TRUE(prefix) << prefix.error().message;
  header[20] ^= 1;
  EXPECT_FALSE(ReadProxyPrefix(header));
}

}  // namespace
}  // namespace holdfast::net
