#include "server/supervised_process.h"

#include <csignal>
#include <utility>

#include "base/log.h"

namespace holdfast::server {
namespace {

constexpr int kExitNotStarted = 127;  // As of a shell.

}  // namespace

Result<void> SupervisedProcess::Advance(TimePoint now) {
  if (child_) {
    const std::optional<int> exit = child_->TakeExit();
    if (!exit) return {};
    child_.reset();
    if (*exit == 0) log::info("the {} was stopped", name_);
    if (*exit != 0) log::warn("the {} ended with {}", name_, *exit);
    TRY(StartLater(now, *exit));
  }
  if (now < start_at_) return {};
  Result<ChildProcess> child = start_();
  if (!child) {
    log::error("the {} could not be started: {}", name_, child.error().message);
    return StartLater(now, kExitNotStarted);
  }
  child_ = std::move(*child);
  policy_.Started(now);
  log::info("started the {}, process {}", name_, child_->pid());
  return {};
}

Result<void> SupervisedProcess::StartLater(TimePoint now, int exit_code) {
  const auto wait = policy_.Died(now, exit_code);
  if (!wait) {
    return Fail(ErrorCode::kFailedPrecondition, "the {} cannot run, see above", name_);
  }
  log::info("starting the {} again in {} ms", name_, wait->count());
  start_at_ = now + *wait;
  return {};
}

std::optional<SupervisedProcess::TimePoint> SupervisedProcess::start_at() const {
  if (child_) return std::nullopt;
  return start_at_;
}

void SupervisedProcess::AskToEnd() {
  if (child_) child_->Signal(SIGTERM);
}

bool SupervisedProcess::HasEnded() {
  if (child_ && child_->TakeExit()) child_.reset();
  return !child_;
}

void SupervisedProcess::Kill() {
  if (!child_) return;
  log::warn("the {} did not end in time and is killed", name_);
  child_.reset();
}

}  // namespace holdfast::server
