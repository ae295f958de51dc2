#include "net/byte_budget.h"

#include "base/check.h"

namespace holdfast::net {

// Under the budget's mutex.
struct ByteBudget::Entry {
  std::size_t bytes = 0;
  bool is_growing = true;
  Entries::iterator at;
  std::shared_ptr<Event> waiting;  // Null: it does not wait, or has been woken.
};

ByteBudget::Lease::Lease(std::shared_ptr<ByteBudget> budget, std::unique_ptr<Entry> entry)
    : budget_(std::move(budget)), entry_(std::move(entry)) {}

ByteBudget::Lease::Lease(Lease&& other) noexcept = default;

ByteBudget::Lease& ByteBudget::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    GiveBack();
    budget_ = std::move(other.budget_);
    entry_ = std::move(other.entry_);
  }
  return *this;
}

ByteBudget::Lease::~Lease() { GiveBack(); }

void ByteBudget::Lease::GiveBack() {
  if (entry_ == nullptr) return;
  const std::lock_guard lock(budget_->mutex_);
  CHECK(budget_->used_ >= entry_->bytes);
  budget_->used_ -= entry_->bytes;
  budget_->StopGrowing(*entry_);
  budget_->WakeOne();
}

std::size_t ByteBudget::Lease::bytes() const {
  const std::lock_guard lock(budget_->mutex_);
  return entry_->bytes;
}

void ByteBudget::Lease::Finish() {
  const std::lock_guard lock(budget_->mutex_);
  budget_->StopGrowing(*entry_);
  budget_->WakeOne();  // Another is the oldest now.
}

Awaitable<bool> ByteBudget::Lease::GrowTo(std::size_t bytes, TimePoint deadline) {
  std::shared_ptr<Event> event;
  while (true) {
    {
      const std::lock_guard lock(budget_->mutex_);
      entry_->waiting = nullptr;
      if (budget_->TryGrow(*entry_, bytes)) {
        budget_->WakeOne();  // There may be room for the next one too.
        co_return true;
      }
      if (event != nullptr) entry_->waiting = event;
    }
    if (event == nullptr) {
      event = std::make_shared<Event>(co_await CurrentExecutor());
      continue;
    }
    if (!co_await event->Wait(deadline)) {
      const std::lock_guard lock(budget_->mutex_);
      // One that was woken at its last moment passes it on.
      if (std::exchange(entry_->waiting, nullptr) == nullptr) budget_->WakeOne();
      co_return false;
    }
  }
}

ByteBudget::Lease ByteBudget::Begin() {
  auto entry = std::make_unique<Entry>();
  const std::lock_guard lock(mutex_);
  entry->at = growing_.insert(growing_.end(), entry.get());
  return {shared_from_this(), std::move(entry)};
}

std::size_t ByteBudget::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

bool ByteBudget::TryGrow(Entry& entry, std::size_t bytes) {
  CHECK(entry.is_growing);
  if (bytes <= entry.bytes) return true;
  const std::size_t reserve = growing_.front() == &entry ? 0 : limits_.reserve_bytes;
  const std::size_t more = bytes - entry.bytes;
  if (used_ + reserve + more > limits_.bytes_max) return false;
  used_ += more;
  entry.bytes = bytes;
  return true;
}

void ByteBudget::WakeOne() {
  for (Entry* const entry : growing_) {
    if (entry->waiting == nullptr) continue;
    Event::PostNotify(std::exchange(entry->waiting, nullptr));
    return;
  }
}

void ByteBudget::StopGrowing(Entry& entry) {
  if (std::exchange(entry.is_growing, false)) growing_.erase(entry.at);
}

}  // namespace holdfast::net
