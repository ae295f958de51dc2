// Address: who is at the other end, as a number: IPv4, IPv6, or the one name of all Unix sockets.
// An IPv4 address mapped into IPv6 is the IPv4 address. Network: all addresses with the same first
// bits. Value types; they compare, hash and print.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::net {

struct Network;

class Address {
 public:
  using V4Bytes = std::array<std::uint8_t, 4>;
  using V6Bytes = std::array<std::uint8_t, 16>;

  Address() = default;  // "::"
  static Address V4(const V4Bytes& bytes);
  static Address V6(const V6Bytes& bytes);
  static Address Unix();
  // "192.0.2.1", "2001:db8::1", "unix"; no port, no brackets, no zone.
  static std::optional<Address> Parse(std::string_view text);

  bool is_unix() const { return is_unix_; }
  bool is_v4() const;
  // Of this machine: 127.0.0.0/8, ::1, a Unix socket.
  bool is_loopback() const;
  // Network byte order; IPv4 mapped (::ffff:a.b.c.d); zero for a Unix socket.
  const V6Bytes& bytes() const { return bytes_; }

  // What one client has: an IPv4 address, or the IPv6 /64 that one subscriber gets.
  Network client_network() const;
  // What one site has: an IPv4 /24, or an IPv6 /48.
  Network site() const;

  std::string ToString() const;
  std::size_t Hash() const;
  auto operator<=>(const Address&) const = default;

 private:
  bool is_unix_ = false;
  V6Bytes bytes_{};
};

struct Network {
  Address base;                  // What lies beyond the prefix is zero.
  std::uint8_t prefix_bits = 0;  // Of the 128 of base.bytes(); IPv4's /8 is 96 + 8.

  // "10.0.0.0/8", "2001:db8::/32", an address alone, "unix". Errors: kInvalidArgument, naming the
  // text; also when bits beyond the prefix are set.
  [[nodiscard]] static Result<Network> Parse(std::string_view text);
  // The network of `address` with that many bits of its own kind: 0..32 or 0..128.
  static Network Of(const Address& address, std::uint8_t own_bits);

  // An IPv6 network holds no IPv4 address.
  bool Contains(const Address& address) const;
  std::string ToString() const;
  auto operator<=>(const Network&) const = default;
};

bool IsIn(const Address& address, std::span<const Network> networks);

}  // namespace holdfast::net

template <>
struct std::hash<holdfast::net::Address> {
  std::size_t operator()(const holdfast::net::Address& address) const { return address.Hash(); }
};
template <>
struct std::hash<holdfast::net::Network> {
  std::size_t operator()(const holdfast::net::Network& network) const {
    return network.base.Hash() + network.prefix_bits;
  }
};
