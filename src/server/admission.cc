#include "server/admission.h"

#include "base/check.h"

namespace holdfast::server {

AdmissionTicket& AdmissionTicket::operator=(AdmissionTicket&& other) noexcept {
  if (this != &other) {
    Return();
    admission_ = std::exchange(other.admission_, nullptr);
    client_ = std::move(other.client_);
  }
  return *this;
}

void AdmissionTicket::Return() {
  if (admission_ != nullptr) std::exchange(admission_, nullptr)->Return(client_);
}

api::ApiResult<void> Admission::Enter(const std::string& client, std::shared_ptr<net::Event> event,
                                      Waits::iterator& wait, bool& is_waiting) {
  const std::lock_guard lock(mutex_);
  const auto found = by_client_.find(client);
  if (found != by_client_.end() && found->second >= limits_.per_client_max) {
    return api::FailApi(Reason::kYourConcurrency,
                        fmt::format("You have {} answers under way or waiting, which is the limit.",
                                    limits_.per_client_max));
  }
  is_waiting = running_ >= limits_.concurrency_max;
  if (is_waiting && waiting_ >= limits_.waiting_max) {
    return api::FailApi(Reason::kQueueFull,
                        "The service is at its capacity. Please try again shortly.");
  }
  ++by_client_[client];
  if (is_waiting) {
    ++waiting_;
    wait = waits_.insert(waits_.end(), Wait{std::move(event), false});
  } else {
    ++running_;
  }
  return {};
}

bool Admission::IsGranted(Waits::iterator wait) const {
  const std::lock_guard lock(mutex_);
  return wait->is_granted;
}

bool Admission::Leave(Waits::iterator wait, const std::string& client) {
  const std::lock_guard lock(mutex_);
  const bool is_granted = wait->is_granted;
  waits_.erase(wait);
  if (!is_granted) {
    --waiting_;
    ForgetClient(client);
  }
  return is_granted;
}

void Admission::ForgetClient(const std::string& client) {
  const auto found = by_client_.find(client);
  CHECK(found != by_client_.end());
  if (--found->second == 0) by_client_.erase(found);
}

void Admission::Return(const std::string& client) {
  const std::lock_guard lock(mutex_);
  ForgetClient(client);
  for (Wait& wait : waits_) {
    if (wait.is_granted) continue;
    // The place goes from hand to hand, so nobody can take it in between.
    wait.is_granted = true;
    --waiting_;
    net::Event::PostNotify(wait.event);
    return;
  }
  --running_;
}

net::Awaitable<api::ApiResult<AdmissionTicket>> Admission::Admit(const RequestFacts& facts,
                                                                 std::shared_ptr<net::Event> event,
                                                                 const bool& is_gone) {
  const net::TimePoint deadline = net::Clock::now() + limits_.waiting_time_max;
  Waits::iterator wait;
  bool is_waiting = false;
  const api::ApiResult<void> entered = Enter(facts.client, event, wait, is_waiting);
  if (!entered) co_return std::unexpected(entered.error());
  if (is_waiting) {
    // Leaves the queue on every way out, also when the coroutine is dropped at shutdown.
    struct Place {
      Admission* admission;
      Waits::iterator wait;
      const std::string& client;
      bool is_left = false;
      bool Leave() {
        is_left = true;
        return admission->Leave(wait, client);
      }
      ~Place() {
        if (!is_left && admission->Leave(wait, client)) admission->Return(client);
      }
    } place{this, wait, facts.client};
    bool is_in_time = true;
    while (is_in_time && !is_gone && !IsGranted(wait)) is_in_time = co_await event->Wait(deadline);
    if (!place.Leave()) {
      co_return api::FailApi(Reason::kDeadlineUnreachable,
                             "No place became free in time. Please try again shortly.");
    }
  }
  co_return AdmissionTicket(this, facts.client);
}

Admission::Counts Admission::counts() const {
  const std::lock_guard lock(mutex_);
  return {running_, waiting_};
}

}  // namespace holdfast::server
