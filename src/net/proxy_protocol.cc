#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::net {
namespace {

using Kind = ProxyPrefix::Kind;

constexpr std::string_view kTextBegin = "PROXY ";
constexpr std::size_t kTextBytesMax = 107;
constexpr std::string_view kBinaryBegin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kBinaryHeadBytes = 16;

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kCorrupt, "PROXY protocol: {}", what);
}

std::uint8_t ByteAt(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::size_t Uint16At(std::string_view bytes, std::size_t index) {
  return std::size_t{ByteAt(bytes, index)} << 8 | ByteAt(bytes, index + 1);
}

bool IsPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string_view TakeWord(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

// What follows "PROXY ": "TCP4 192.0.2.1 198.51.100.1 56324 443".
Result<std::optional<Address>> ReadTextClient(std::string_view line) {
  const std::string_view family = TakeWord(line);
  if (family == "UNKNOWN") return std::nullopt;
  if (family != "TCP4" && family != "TCP6") return Malformed("an unknown family");
  const std::optional<Address> source = Address::Parse(TakeWord(line));
  const std::optional<Address> target = Address::Parse(TakeWord(line));
  const bool has_ports = IsPort(TakeWord(line)) && IsPort(TakeWord(line));
  if (!source || !target || !has_ports || !line.empty()) return Malformed("a broken line");
  const bool is_v4 = family == "TCP4";
  if (source->is_unix() || (is_v4 && !source->is_v4())) return Malformed("a foreign address");
  return source;
}

Result<ProxyPrefix> ReadText(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kTextBytesMax).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kTextBytesMax) return Malformed("a line without end");
    return ProxyPrefix{Kind::kIncomplete, 0, {}};
  }
  const std::string_view line = bytes.substr(kTextBegin.size(), end - kTextBegin.size());
  TRY_ASSIGN(const std::optional<Address> client, ReadTextClient(line));
  return ProxyPrefix{Kind::kWhole, end + 2, client};
}

// CRC-32C (Castagnoli), bit by bit: a header has some hundred bytes. The sum's own four bytes, at
// `sum_at`, count as zero.
std::uint32_t Crc32c(std::string_view bytes, std::size_t sum_at) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78;
  std::uint32_t sum = 0xFFFFFFFF;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool is_own = i >= sum_at && i < sum_at + sizeof(sum);
    sum ^= is_own ? 0 : ByteAt(bytes, i);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
  }
  return ~sum;
}

// The extensions, from `at` to the header's end: type, length, value. All but the checksum are
// skipped.
Result<void> CheckExtensions(std::string_view header, std::size_t at) {
  constexpr std::size_t kExtensionHeadBytes = 3;
  constexpr std::uint8_t kChecksumType = 3;
  while (at < header.size()) {
    if (header.size() - at < kExtensionHeadBytes) return Malformed("a broken extension");
    const std::size_t value_at = at + kExtensionHeadBytes;
    const std::size_t size = Uint16At(header, at + 1);
    if (size > header.size() - value_at) return Malformed("an extension beyond the header");
    if (ByteAt(header, at) == kChecksumType) {
      if (size != sizeof(std::uint32_t)) return Malformed("a checksum of another size");
      const std::size_t sum = Uint16At(header, value_at) << 16 | Uint16At(header, value_at + 2);
      if (sum != Crc32c(header, value_at)) return Malformed("a wrong checksum");
    }
    at = value_at + size;
  }
  return {};
}

// Both addresses, both ports.
template <typename Bytes>
Result<Bytes> TakeSource(std::string_view header) {
  const std::size_t end = kBinaryHeadBytes + 2 * sizeof(Bytes) + 2 * sizeof(std::uint16_t);
  if (header.size() < end) return Malformed("no room for its addresses");
  TRY(CheckExtensions(header, end));
  Bytes source;
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = ByteAt(header, kBinaryHeadBytes + i);
  return source;
}

Result<ProxyPrefix> ReadBinary(std::string_view bytes) {
  constexpr std::uint8_t kLocal = 0x20;
  constexpr std::uint8_t kProxy = 0x21;
  constexpr std::uint8_t kUnspecified = 0x00;
  constexpr std::uint8_t kTcp4 = 0x11;
  constexpr std::uint8_t kTcp6 = 0x21;
  if (bytes.size() < kBinaryHeadBytes) return ProxyPrefix{Kind::kIncomplete, 0, {}};
  const std::uint8_t command = ByteAt(bytes, kBinaryBegin.size());
  const std::uint8_t family = ByteAt(bytes, kBinaryBegin.size() + 1);
  const std::size_t size = kBinaryHeadBytes + Uint16At(bytes, kBinaryBegin.size() + 2);
  if (command != kLocal && command != kProxy) return Malformed("an unknown version or command");
  if (size > kProxyHeaderBytesMax) return Malformed("a header over the limit");
  if (bytes.size() < size) return ProxyPrefix{Kind::kIncomplete, 0, {}};
  const std::string_view header = bytes.substr(0, size);
  ProxyPrefix prefix{Kind::kWhole, size, {}};
  if (command == kLocal || family == kUnspecified) return prefix;
  if (family == kTcp4) {
    TRY_ASSIGN(const Address::V4Bytes source, TakeSource<Address::V4Bytes>(header));
    prefix.client = Address::V4(source);
  } else if (family == kTcp6) {
    TRY_ASSIGN(const Address::V6Bytes source, TakeSource<Address::V6Bytes>(header));
    prefix.client = Address::V6(source);
  } else {
    return Malformed("a family that is not TCP");
  }
  return prefix;
}

}  // namespace

Result<ProxyPrefix> ReadProxyPrefix(std::string_view bytes) {
  if (bytes.starts_with(kTextBegin)) return ReadText(bytes);
  if (bytes.starts_with(kBinaryBegin)) return ReadBinary(bytes);
  const bool may_begin = kTextBegin.starts_with(bytes) || kBinaryBegin.starts_with(bytes);
  return ProxyPrefix{may_begin ? Kind::kIncomplete : Kind::kAbsent, 0, {}};
}

}  // namespace holdfast::net
