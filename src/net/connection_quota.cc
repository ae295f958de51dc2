#include "net/connection_quota.h"

#include "base/check.h"
#include "net/asio.h"

namespace holdfast::net {
namespace {

std::string ClientKey(std::string_view address) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(std::string(address), error);
  if (error || parsed.is_v4()) return std::string(address);
  const auto bytes = parsed.to_v6().to_bytes();
  if (parsed.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, parsed.to_v6()).to_string();
  }
  constexpr std::size_t kPrefixBytes = 8;
  return std::string(reinterpret_cast<const char*>(bytes.data()), kPrefixBytes);
}

}  // namespace

ConnectionSlot::~ConnectionSlot() {
  if (quota_ != nullptr) quota_->Return(key_);
}

std::optional<ConnectionSlot> ConnectionQuota::Take(std::string_view address) {
  std::string key = ClientKey(address);
  const std::lock_guard lock(mutex_);
  if (open_ >= limits_.total_max) return std::nullopt;
  const auto found = open_by_key_.find(key);
  if (found != open_by_key_.end() && found->second >= limits_.per_address_max) return std::nullopt;
  ++open_;
  ++open_by_key_[key];
  return ConnectionSlot(shared_from_this(), std::move(key));
}

void ConnectionQuota::Return(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = open_by_key_.find(key);
  CHECK(open_ > 0 && found != open_by_key_.end());
  --open_;
  if (--found->second == 0) open_by_key_.erase(found);
}

std::size_t ConnectionQuota::open_count() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace holdfast::net
