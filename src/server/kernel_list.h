// KernelList: the restrictions that the kernel enforces: hears what becomes of each, finds the
// address behind its hash, and has the helper add it or remove it. Where the kernel cannot or may
// not, the service refuses all the same, only later and dearer.
//
// Thread-safe; a change waits for the helper's answer. What it is given must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "guard/limits/push_down.h"
#include "json/json.h"
#include "metrics/registry.h"
#include "net/address.h"
#include "push_down/helper.h"
#include "server/address_book.h"
#include "server/live_door.h"

namespace holdfast::server {

class KernelList {
 public:
  // `helper` null: it does nothing, for the reason `why`.
  KernelList(push_down::Helper* helper, std::string why, const AddressBook& book,
             const LiveDoor& door, metrics::Registry& registry);

  // Of any restriction, in order.
  void OnRecord(const guard::RestrictionRecord& record);
  // Forgets what has run out; the kernel has done so by itself.
  void Expire();

  // {"is_on", "why", "addresses"}
  json::Object State() const;

 private:
  void Tell();
  void Add(const guard::PushDown& entry);
  void Remove(const guard::PushDown& entry);
  void Heed(const Result<void>& done, const char* what);

  push_down::Helper* helper_;
  std::string why_;
  const AddressBook& book_;
  const LiveDoor& door_;
  mutable std::mutex mutex_;
  guard::PushDownList list_;
  std::vector<guard::PushDownChange> changes_;
  // What the kernel has, by hash: at most as many as the list.
  std::unordered_map<std::uint64_t, push_down::Target> told_;
  metrics::Gauge addresses_gauge_;
  metrics::Counter unknown_counter_;
};

}  // namespace holdfast::server
