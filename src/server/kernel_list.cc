#include "server/kernel_list.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace holdfast::server {

KernelList::KernelList(push_down::Helper* helper, std::string why, const AddressBook& book,
                       const LiveDoor& door, metrics::Registry& registry)
    : helper_(helper),
      why_(std::move(why)),
      book_(book),
      door_(door),
      addresses_gauge_(registry.GetGauge("holdfast_kernel_addresses",
                                         "Addresses that the kernel was told to drop.")),
      unknown_counter_(registry.GetCounter(
          "holdfast_kernel_unknown_total",
          "Addresses that it was not told of: behind a proxy, spared or forgotten.")) {}

void KernelList::OnRecord(const guard::RestrictionRecord& record) {
  const std::lock_guard lock(mutex_);
  list_.OnRecord(record);
  Tell();
}

void KernelList::Expire() {
  const std::lock_guard lock(mutex_);
  list_.Expire(door_.Clock());
  Tell();
}

void KernelList::Tell() {
  changes_.clear();
  list_.DrainChanges(changes_);
  for (const guard::PushDownChange& change : changes_) {
    change.is_added ? Add(change.entry) : Remove(change.entry);
  }
  addresses_gauge_.Set(static_cast<double>(told_.size()));
}

void KernelList::Add(const guard::PushDown& entry) {
  if (helper_ == nullptr) return;
  const std::optional<net::Address> address = book_.Find(entry.address);
  const auto target =
      address ? push_down::Target::Parse(address->ToString()) : std::optional<push_down::Target>();
  const auto left = std::chrono::ceil<std::chrono::seconds>(entry.until - door_.Clock());
  if (!target || left.count() < 1) {
    if (!target) unknown_counter_.Add();
    return;
  }
  const Result<void> done = helper_->Do({*target, std::min(left, push_down::kTermMax)});
  if (done) told_.insert_or_assign(entry.address, *target);
  Heed(done, "drop");
}

// Before its time, or else the kernel's own timer was faster: removing what is gone does no harm.
void KernelList::Remove(const guard::PushDown& entry) {
  const auto told = told_.find(entry.address);
  if (helper_ == nullptr || told == told_.end()) return;
  const push_down::Target target = told->second;
  told_.erase(told);
  Heed(helper_->Do({target, std::nullopt}), "let back");
}

// A helper that has ended is not started again before the service is: it was before there were
// secrets to copy.
void KernelList::Heed(const Result<void>& done, const char* what) {
  if (done) return;
  log::warn("the kernel does not {} an address: {}", what, done.error().message);
  const bool is_lost = done.error().code == ErrorCode::kDeadlineExceeded ||
                       done.error().code == ErrorCode::kFailedPrecondition;
  if (!is_lost) return;
  helper_ = nullptr;
  why_ = "The kernel's helper has ended.";
  told_.clear();
}

json::Object KernelList::State() const {
  const std::lock_guard lock(mutex_);
  return {{"is_on", helper_ != nullptr},
          {"why", helper_ != nullptr ? "" : why_},
          {"addresses", told_.size()}};
}

}  // namespace holdfast::server
