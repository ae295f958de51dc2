#include "net/watchdog.h"

#include <utility>

#include "net/asio.h"

namespace holdfast::net {

struct Watchdog::State {
  State(const Executor& executor, std::move_only_function<void()> on_late_in)
      : timer(executor), on_late(std::move(on_late_in)) {}

  static void Arm(const std::shared_ptr<State>& self) {
    self->armed = self->due;
    self->timer.expires_at(self->armed);
    self->timer.async_wait([weak = std::weak_ptr(self)](const boost::system::error_code& error) {
      const auto state = weak.lock();
      if (error || state == nullptr) return;
      state->armed = kNoDeadline;
      if (state->due == kNoDeadline) return;
      if (Clock::now() < state->due) return Arm(state);
      state->due = kNoDeadline;
      state->is_late = true;
      state->on_late();
    });
  }

  asio::steady_timer timer;
  std::move_only_function<void()> on_late;
  TimePoint due = kNoDeadline;
  TimePoint armed = kNoDeadline;  // When the timer fires; never after `due`.
  bool is_late = false;
};

Watchdog::Watchdog(const Executor& executor, std::move_only_function<void()> on_late)
    : state_(std::make_shared<State>(executor, std::move(on_late))) {}

Watchdog::~Watchdog() = default;

void Watchdog::Set(TimePoint due) {
  state_->due = due;
  if (due < state_->armed) State::Arm(state_);
}

bool Watchdog::is_late() const { return state_->is_late; }

}  // namespace holdfast::net
