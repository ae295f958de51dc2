#include "rehearsal/stage.h"

#include <utility>

namespace holdfast::rehearsal {

Stage::Stage(const Plan& plan, Recorder& recorder, const Accounts& accounts, bool is_unattacked,
             net::Endpoint sink, const net::Executor& executor)
    : plan_(plan),
      recorder_(recorder),
      accounts_(accounts),
      is_unattacked_(is_unattacked),
      sink_(std::move(sink)),
      executor_(executor),
      prompts_(plan.seed),
      start_(net::Clock::now()),
      empty_(executor) {}

const net::Endpoint& Stage::TargetOf(const Group& group) const {
  return is_unattacked_ && group.label == Label::kHostile ? sink_ : plan_.target;
}

Micros Stage::Now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(net::Clock::now() - start_).count();
}

net::TimePoint Stage::HardEnd() const {
  return TimeOf(static_cast<Micros>((plan_.seconds + plan_.drain_s) * 1e6));
}

net::Awaitable<void> Stage::SleepUntil(Micros at) const {
  net::Event event(executor_);
  co_await event.Wait(std::min(TimeOf(at), HardEnd()));
}

bool Stage::IsOver() const {
  return Now() >= static_cast<Micros>(plan_.seconds * 1e6) ||
         static_cast<std::int64_t>(recorder_.attempt_count()) >= plan_.requests_max;
}

void Stage::Note(const Attempt& attempt) {
  if (static_cast<std::int64_t>(recorder_.attempt_count()) < plan_.requests_max) {
    recorder_.Add(attempt);
  }
}

net::Awaitable<void> Stage::WaitEmpty() {
  while (present_count_ > 0) co_await empty_.Wait(net::kNoDeadline);
}

}  // namespace holdfast::rehearsal
