// Stage: what the callers of one run share: the clock, the target, the record, and the limits of
// the whole. Owned by the run; single-threaded, on the generator's one I/O thread.
//
// Limits: `requests_max` attempts are made, then the run is over; a caller that comes while
// `connections_max` are open is noted as unsent. Nothing lasts beyond HardEnd().
#pragma once

#include <cstdint>

#include "net/event.h"
#include "rehearsal/accounts_file.h"
#include "rehearsal/prompts.h"
#include "rehearsal/record.h"

namespace holdfast::rehearsal {

class Stage {
 public:
  Stage(const Plan& plan, Recorder& recorder, const Accounts& accounts, bool is_unattacked,
        net::Endpoint sink, const net::Executor& executor);

  const Plan& plan() const { return plan_; }
  const Accounts& accounts() const { return accounts_; }
  const Prompts& prompts() const { return prompts_; }
  Recorder& recorder() { return recorder_; }
  const net::Executor& executor() const { return executor_; }
  bool is_unattacked() const { return is_unattacked_; }
  // Whom a group speaks to: hostile ones of an unattacked run to the sink.
  const net::Endpoint& TargetOf(const Group& group) const;

  Micros Now() const;
  net::TimePoint TimeOf(Micros at) const { return start_ + std::chrono::microseconds(at); }
  net::TimePoint HardEnd() const;
  net::Awaitable<void> SleepUntil(Micros at) const;
  bool IsOver() const;

  std::uint64_t NextWish() { return ++wish_count_; }
  bool HasRoom() const { return open_count_ < plan_.connections_max; }
  void Note(const Attempt& attempt);

  // Held by every coroutine of the run.
  class Presence {
   public:
    explicit Presence(Stage& stage) : stage_(&stage) { ++stage.present_count_; }
    Presence(Presence&& other) noexcept : stage_(std::exchange(other.stage_, nullptr)) {}
    Presence& operator=(Presence&&) = delete;
    ~Presence() {
      if (stage_ != nullptr && --stage_->present_count_ == 0) stage_->empty_.Notify();
    }

   private:
    Stage* stage_;
  };
  // Held by every open connection.
  class Opening {
   public:
    explicit Opening(Stage& stage) : stage_(stage) { ++stage_.open_count_; }
    ~Opening() { --stage_.open_count_; }
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;

   private:
    Stage& stage_;
  };
  net::Awaitable<void> WaitEmpty();

 private:
  const Plan& plan_;
  Recorder& recorder_;
  const Accounts& accounts_;
  const bool is_unattacked_;
  const net::Endpoint sink_;
  const net::Executor executor_;
  const Prompts prompts_;
  const net::TimePoint start_;
  std::uint64_t wish_count_ = 0;
  std::int64_t open_count_ = 0;
  std::int64_t present_count_ = 0;
  net::Event empty_;
};

}  // namespace holdfast::rehearsal
