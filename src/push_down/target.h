// Target: what the kernel drops: an IPv4 address, or the IPv6 /64 that one subscriber has. Networks
// that must never be dropped. Pure, but for MachineAddresses; value types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::push_down {

// IPv6, or IPv4 mapped into it, in network byte order; IPv4's /8 is 96 + 8 bits.
struct Network {
  std::array<std::uint8_t, 16> base{};
  std::uint8_t prefix_bits = 128;

  bool Overlaps(const Network& other) const;
};

class Target {
 public:
  // "192.0.2.1", "2001:db8::1"; of IPv6 only the first 64 bits count. nullopt: no address, or one
  // that is never dropped on any machine: of a loopback, nobody's, of a group.
  static std::optional<Target> Parse(std::string_view text);

  bool is_v4() const { return network_.prefix_bits == 128; }
  const Network& network() const { return network_; }
  // "192.0.2.1", "2001:db8:1:2::".
  std::string ToString() const;

 private:
  explicit Target(const Network& network) : network_(network) {}
  Network network_;
};

bool IsIn(const Target& target, std::span<const Network> networks);

// The addresses of this machine's interfaces as they are; empty where the system does not tell.
std::vector<Network> MachineAddresses();

}  // namespace holdfast::push_down
