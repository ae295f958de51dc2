#include "net/stop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/asio.h"

namespace holdfast::net {

StopSource::Listener::Listener(Listener&& other) noexcept
    : source_(std::exchange(other.source_, nullptr)), at_(other.at_) {}

StopSource::Listener& StopSource::Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    Leave();
    source_ = std::exchange(other.source_, nullptr);
    at_ = other.at_;
  }
  return *this;
}

void StopSource::Listener::Leave() {
  if (source_ != nullptr) std::exchange(source_, nullptr)->callbacks_.erase(at_);
}

StopSource::~StopSource() { CHECK(callbacks_.empty()); }

void StopSource::Stop(StopReason reason) {
  CHECK(reason != StopReason::kNone);
  if (is_stopped()) return;
  reason_ = reason;
  timer_.cancel();
  due_.reset();
  // A callback may end any listener, so the list is looked at anew after each.
  while (true) {
    const auto next = std::ranges::find_if(callbacks_, [](const auto& one) { return bool(one); });
    if (next == callbacks_.end()) return;
    std::exchange(*next, nullptr)();
  }
}

void StopSource::StopAt(TimePoint deadline) {
  timer_.cancel();
  due_.reset();
  if (is_stopped() || deadline == kNoDeadline) return;
  // A handler that is on its way already when this dies, or when another time is set, finds no one.
  due_ = std::make_shared<StopSource*>(this);
  timer_.expires_at(deadline);
  timer_.async_wait([due = std::weak_ptr(due_)](const boost::system::error_code&) {
    if (const auto source = due.lock()) (*source)->Stop(StopReason::kDeadline);
  });
}

StopSource::Listener StopSource::OnStop(std::move_only_function<void()> callback) {
  if (is_stopped()) {
    callback();
    callback = nullptr;
  }
  callbacks_.push_back(std::move(callback));
  return {*this, std::prev(callbacks_.end())};
}

}  // namespace holdfast::net
