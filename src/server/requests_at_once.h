// RequestsAtOnce: how many requests for an answer each account and each key has under way, those
// that wait for their turn too. A request is one, whatever number of answers it asks for. In memory
// alone: with the process, what it counts ends.
//
// Of the account office; outlives the places. Thread-safe. Its size is bounded by the requests.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "accounts/account.h"
#include "accounts/ledger.h"

namespace holdfast::server {

class RequestsAtOnce {
 public:
  RequestsAtOnce() = default;
  RequestsAtOnce(const RequestsAtOnce&) = delete;
  RequestsAtOnce& operator=(const RequestsAtOnce&) = delete;

  // One request under way; dropping it makes room. Move-only.
  class Place {
   public:
    Place() = default;  // Of nothing.
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place() { Release(); }
    void Release();

   private:
    friend class RequestsAtOnce;
    Place(RequestsAtOnce& counts, std::string account_id, std::string key_id)
        : counts_(&counts), account_id_(std::move(account_id)), key_id_(std::move(key_id)) {}
    RequestsAtOnce* counts_ = nullptr;
    std::string account_id_;
    std::string key_id_;  // Empty: none.
  };

  // nullopt: the account or the key has as many as it may.
  std::optional<Place> Take(const accounts::Identity& who, const accounts::AtOnceLimits& limits);

 private:
  using Counts = std::unordered_map<std::string, std::int64_t>;

  std::mutex mutex_;
  Counts by_account_;
  Counts by_key_;
};

}  // namespace holdfast::server
