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
  ConnectionSlot(ConnectionSlot&& other) noexcept = default;
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot();

 private:
  friend class ConnectionQuota;
  ConnectionSlot(std::shared_ptr<ConnectionQuota> quota, std::string key)
      : quota_(std::move(quota)), key_(std::move(key)) {}

  std::shared_ptr<ConnectionQuota> quota_;  // Null when moved from.
  std::string key_;
};

class ConnectionQuota : public std::enable_shared_from_this<ConnectionQuota> {
 public:
  static std::shared_ptr<ConnectionQuota> Make(const ConnectionLimits& limits) {
    return std::shared_ptr<ConnectionQuota>(new ConnectionQuota(limits));
  }

  // nullopt: a limit is reached. `address` is numeric, as sockets print it, or any name.
  std::optional<ConnectionSlot> Take(std::string_view address);
  std::size_t open_count() const;

 private:
  friend class ConnectionSlot;
  explicit ConnectionQuota(const ConnectionLimits& limits) : limits_(limits) {}
  void Return(const std::string& key);

  const ConnectionLimits limits_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> open_by_key_;  // At most `total_max` entries.
};

}  // namespace holdfast::net
