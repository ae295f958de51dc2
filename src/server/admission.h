// Admission: how many answers are under way at once, in all and for one client, and a bounded wait
// for a place. An AdmissionTicket is the right to one answer; dropping it gives the place to the
// one who has waited longest.
//
// Limits: `concurrency_max` tickets, `per_client_max` tickets and waits of one client (more:
// your_concurrency), `waiting_max` waits (more: queue_full), each of at most `waiting_time_max`
// (longer: deadline_unreachable). Thread-safe; one leaf lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "api/api_error.h"
#include "net/event.h"

namespace holdfast::server {

// What is known of a request before it costs anything.
struct RequestFacts {
  std::string client;  // Network address, or what a trusted gateway says.
  bool is_generation = false;
  bool is_local = false;  // The peer is on this machine.
};

struct AdmissionLimits {
  std::size_t concurrency_max = 64;
  std::size_t per_client_max = 16;
  std::size_t waiting_max = 256;
  std::chrono::milliseconds waiting_time_max{30'000};
};

class Admission;

class AdmissionTicket {
 public:
  AdmissionTicket() = default;  // Of no place.
  AdmissionTicket(AdmissionTicket&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)), client_(std::move(other.client_)) {}
  AdmissionTicket& operator=(AdmissionTicket&& other) noexcept;
  ~AdmissionTicket() { Return(); }

 private:
  friend class Admission;
  AdmissionTicket(Admission* admission, std::string client)
      : admission_(admission), client_(std::move(client)) {}
  void Return();

  Admission* admission_ = nullptr;
  std::string client_;
};

class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  // A ticket at once or after a wait; ends early when `event`, which the caller also notifies when
  // the client leaves, says so and `is_gone` agrees. The admission must outlive the ticket.
  net::Awaitable<api::ApiResult<AdmissionTicket>> Admit(const RequestFacts& facts,
                                                        std::shared_ptr<net::Event> event,
                                                        const bool& is_gone);

  struct Counts {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  Counts counts() const;

 private:
  friend class AdmissionTicket;
  struct Wait {
    std::shared_ptr<net::Event> event;
    bool is_granted = false;
  };
  using Waits = std::list<Wait>;

  // Takes a place, or a place in the queue (then `wait` is set).
  api::ApiResult<void> Enter(const std::string& client, std::shared_ptr<net::Event> event,
                             Waits::iterator& wait, bool& is_waiting);
  // Leaves the queue; true when a place was granted after all.
  bool Leave(Waits::iterator wait, const std::string& client);
  bool IsGranted(Waits::iterator wait) const;
  void Return(const std::string& client);
  void ForgetClient(const std::string& client);  // With the lock held.

  const AdmissionLimits limits_;
  mutable std::mutex mutex_;
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
  // Waiting and granted-but-not-yet-woken, oldest first.
  Waits waits_;
  std::unordered_map<std::string, std::size_t> by_client_;
};

}  // namespace holdfast::server
