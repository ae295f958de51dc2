#include "push_down/target.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

namespace holdfast::push_down {
namespace {

constexpr std::size_t kV4At = 12;
constexpr std::size_t kSubscriberBytes = 8;

Network OfV4(const in_addr& address) {
  Network network;
  network.base[10] = network.base[11] = 0xff;
  std::memcpy(network.base.data() + kV4At, &address, sizeof(address));
  return network;
}

Network OfV6(const in6_addr& address) {
  Network network;
  std::memcpy(network.base.data(), &address, sizeof(address));
  return network;
}

bool IsV4(const Network& network) {
  constexpr std::array<std::uint8_t, kV4At> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), network.base.begin());
}

// Nobody's (0/8, ::), loopback, groups and above (224/3, ff00::/8), of a link alone (fe80::/10).
bool IsNobodys(const Network& network) {
  const auto& bytes = network.base;
  if (IsV4(network)) return bytes[kV4At] == 0 || bytes[kV4At] == 127 || bytes[kV4At] >= 224;
  const bool is_first_64_zero =
      std::all_of(bytes.begin(), bytes.begin() + kSubscriberBytes, [](auto b) { return b == 0; });
  return is_first_64_zero || bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

}  // namespace

bool Network::Overlaps(const Network& other) const {
  const int bits = std::min(prefix_bits, other.prefix_bits);
  for (int bit = 0; bit < bits; ++bit) {
    const int mask = 0x80 >> (bit % 8);
    const auto at = static_cast<std::size_t>(bit / 8);
    if (((base[at] ^ other.base[at]) & mask) != 0) return false;
  }
  return true;
}

std::optional<Target> Target::Parse(std::string_view text) {
  const std::string copy(text);  // inet_pton wants its end.
  if (copy.size() != std::strlen(copy.c_str())) return std::nullopt;
  in_addr v4{};
  in6_addr v6{};
  Network network;
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    network = OfV4(v4);
  } else if (::inet_pton(AF_INET6, copy.c_str(), &v6) == 1) {
    network = OfV6(v6);
  } else {
    return std::nullopt;
  }
  if (IsNobodys(network)) return std::nullopt;
  if (!IsV4(network)) {
    std::fill(network.base.begin() + kSubscriberBytes, network.base.end(), std::uint8_t{0});
    network.prefix_bits = 64;
  }
  return Target(network);
}

std::string Target::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const bytes = is_v4() ? network_.base.data() + kV4At : network_.base.data();
  return ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes, text.data(), text.size());
}

bool IsIn(const Target& target, std::span<const Network> networks) {
  return std::ranges::any_of(
      networks, [&](const Network& network) { return network.Overlaps(target.network()); });
}

std::vector<Network> MachineAddresses() {
  std::vector<Network> found;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return found;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      found.push_back(OfV4(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr));
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      found.push_back(OfV6(reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr));
    }
  }
  ::freeifaddrs(all);
  return found;
}

}  // namespace holdfast::push_down
