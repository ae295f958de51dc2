// ByteBudget: how many bytes the bodies of requests may hold together. A Lease is one body's part:
// it grows as the body comes, waits when there is no room, and gives all back when it dies.
//
// Bodies that wait for each other would never end, so `reserve_bytes` of the budget are for the
// oldest growing lease alone: with a reserve as large as the largest body, one always comes to its
// end. Finished leases count, but wait for nothing.
//
// The budget is thread-safe. A lease belongs to one coroutine.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "net/awaitable.h"
#include "net/event.h"

namespace holdfast::net {

class ByteBudget : public std::enable_shared_from_this<ByteBudget> {
 private:
  struct Entry;
  using Entries = std::list<Entry*>;

 public:
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

    std::size_t bytes() const;
    // Holds at least so many bytes when it returns true; false when the time is over.
    Awaitable<bool> GrowTo(std::size_t bytes, TimePoint deadline);
    // It grows no more.
    void Finish();

   private:
    friend class ByteBudget;
    Lease(std::shared_ptr<ByteBudget> budget, std::unique_ptr<Entry> entry);
    void GiveBack();

    std::shared_ptr<ByteBudget> budget_;
    std::unique_ptr<Entry> entry_;  // Null when moved from.
  };

  // The reserve is part of the whole.
  struct Limits {
    std::size_t bytes_max = 256 << 20;
    std::size_t reserve_bytes = 4 << 20;
  };
  static std::shared_ptr<ByteBudget> Make(const Limits& limits) {
    return std::shared_ptr<ByteBudget>(new ByteBudget(limits));
  }

  Lease Begin();
  std::size_t used_bytes() const;

 private:
  explicit ByteBudget(const Limits& limits) : limits_(limits) {}
  // With the mutex held.
  bool TryGrow(Entry& entry, std::size_t bytes);
  void WakeOne();
  void StopGrowing(Entry& entry);

  const Limits limits_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  Entries growing_;  // The oldest first.
};

}  // namespace holdfast::net
