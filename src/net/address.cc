#include "net/address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "base/mix.h"

namespace holdfast::net {
namespace {

constexpr Address::V6Bytes kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kMappedPrefixBytes = 12;
constexpr std::uint8_t kMappedPrefixBits = 96;
constexpr std::uint8_t kBitsMax = 128;
constexpr std::string_view kUnixName = "unix";

// The first `bits` of `bytes`, then zeros.
Address::V6Bytes KeepBits(const Address::V6Bytes& bytes, std::uint8_t bits) {
  Address::V6Bytes kept{};
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const int left = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    kept[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00 >> left));
  }
  return kept;
}

std::uint64_t Half(const Address::V6Bytes& bytes, std::size_t begin) {
  std::uint64_t half = 0;
  std::memcpy(&half, bytes.data() + begin, sizeof(half));
  return half;
}

}  // namespace

Address Address::V4(const V4Bytes& bytes) {
  Address address;
  address.bytes_ = kMappedPrefix;
  std::ranges::copy(bytes, address.bytes_.begin() + kMappedPrefixBytes);
  return address;
}

Address Address::V6(const V6Bytes& bytes) {
  Address address;
  address.bytes_ = bytes;
  return address;
}

Address Address::Unix() {
  Address address;
  address.is_unix_ = true;
  return address;
}

std::optional<Address> Address::Parse(std::string_view text) {
  if (text == kUnixName) return Unix();
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(terminated) || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  terminated[text.copy(terminated, text.size())] = '\0';
  V4Bytes v4;
  if (::inet_pton(AF_INET, terminated, v4.data()) == 1) return V4(v4);
  V6Bytes v6;
  if (::inet_pton(AF_INET6, terminated, v6.data()) == 1) return V6(v6);
  return std::nullopt;
}

bool Address::is_v4() const {
  return !is_unix_ &&
         std::equal(bytes_.begin(), bytes_.begin() + kMappedPrefixBytes, kMappedPrefix.begin());
}

bool Address::is_loopback() const {
  constexpr std::uint8_t kLoopbackV4 = 127;
  V6Bytes loopback{};
  loopback.back() = 1;
  return is_unix_ || (is_v4() ? bytes_[kMappedPrefixBytes] == kLoopbackV4 : bytes_ == loopback);
}

Network Address::client_network() const { return Network::Of(*this, is_v4() ? 32 : 64); }

Network Address::site() const { return Network::Of(*this, is_v4() ? 24 : 48); }

std::string Address::ToString() const {
  if (is_unix_) return std::string(kUnixName);
  char text[INET6_ADDRSTRLEN];
  const bool is_short = is_v4();
  const void* const begin = bytes_.data() + (is_short ? kMappedPrefixBytes : 0);
  return ::inet_ntop(is_short ? AF_INET : AF_INET6, begin, text, sizeof(text));
}

std::size_t Address::Hash() const {
  return Mix64(Mix64(Half(bytes_, 0), Half(bytes_, 8)), is_unix_ ? 1 : 0);
}

Network Network::Of(const Address& address, std::uint8_t own_bits) {
  if (address.is_unix()) return {address, kBitsMax};
  const int bits = address.is_v4() ? kMappedPrefixBits + own_bits : own_bits;
  const auto prefix_bits = static_cast<std::uint8_t>(std::min<int>(bits, kBitsMax));
  return {Address::V6(KeepBits(address.bytes(), prefix_bits)), prefix_bits};
}

Result<Network> Network::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<Address> address = Address::Parse(text.substr(0, slash));
  if (!address) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is no address or network", text);
  }
  const std::uint8_t bits_max = address->is_v4() ? kBitsMax - kMappedPrefixBits : kBitsMax;
  if (slash == std::string_view::npos) return Of(*address, bits_max);
  const std::string_view number = text.substr(slash + 1);
  std::uint8_t bits = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
  const bool is_number = error == std::errc{} && end == number.data() + number.size();
  if (!is_number || bits > bits_max || address->is_unix()) {
    return Fail(ErrorCode::kInvalidArgument, "'{}': the prefix must be a number in 0..{}", text,
                bits_max);
  }
  Network network = Of(*address, bits);
  if (network.base != *address) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' sets bits beyond its prefix; meant is {}?", text,
                network.ToString());
  }
  return network;
}

bool Network::Contains(const Address& address) const {
  if (base.is_unix() || address.is_unix()) return base == address;
  if (address.is_v4() != base.is_v4()) return false;
  return Address::V6(KeepBits(address.bytes(), prefix_bits)) == base;
}

std::string Network::ToString() const {
  if (base.is_unix()) return base.ToString();
  const int own_bits = base.is_v4() ? prefix_bits - kMappedPrefixBits : prefix_bits;
  return fmt::format("{}/{}", base.ToString(), own_bits);
}

bool IsIn(const Address& address, std::span<const Network> networks) {
  return std::ranges::any_of(networks,
                             [&](const Network& network) { return network.Contains(address); });
}

}  // namespace holdfast::net
