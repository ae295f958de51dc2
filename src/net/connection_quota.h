// ConnectionQuota: how many connections may be open, in all and from one client address. A
// ConnectionSlot is the right to one; dropping it gives it back. Thread-safe.
//
// An IPv6 client is counted by its /64 network, which is what one subscriber gets.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace holdfast::net {

struct ConnectionLimits {
  std::size_t total_max = 1024;
  std::size_t per_address_max = 64;
};

class ConnectionQuota;

class ConnectionSlot {
 public:
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : quota_(std::exchange(other.quota_, nullptr)), key_(std::move(other.key_)) {}
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot();

 private:
  friend class ConnectionQuota;
  ConnectionSlot(ConnectionQuota* quota, std::string key) : quota_(quota), key_(std::move(key)) {}

  ConnectionQuota* quota_;
  std::string key_;
};

class ConnectionQuota {
 public:
  explicit ConnectionQuota(const ConnectionLimits& limits) : limits_(limits) {}

  // nullopt: a limit is reached. `address` is numeric, as sockets print it, or any name. The quota
  // must outlive the slot.
  std::optional<ConnectionSlot> Take(std::string_view address);
  std::size_t open_count() const;

 private:
  friend class ConnectionSlot;
  void Return(const std::string& key);

  const ConnectionLimits limits_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> open_by_key_;  // At most `total_max` entries.
};

}  // namespace holdfast::net
