// NftSet: the kernel's own list of addresses whose packets to one TCP port of this machine it drops
// before anything is spent on them: table `holdfast` (inet) of nftables, with a time-out for each
// entry that the kernel itself keeps. Home of libnftables. Owned by the helper; single-threaded.
//
// Open makes the table anew, and what goes takes it away: no entry outlives the service by more
// than its time. One service a network namespace. Limit: kEntriesMax of IPv4 and of IPv6 each; more
// are refused by the kernel.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "push_down/target.h"

struct nft_ctx;

namespace holdfast::push_down {

class NftSet {
 public:
  static constexpr std::size_t kEntriesMax = 1 << 14;

  // `port` 0: every TCP port of this machine. Errors: kPermissionDenied (CAP_NET_ADMIN is missing),
  // kUnavailable (the kernel has no nftables).
  [[nodiscard]] static Result<NftSet> Open(int port);
  ~NftSet();
  NftSet(NftSet&& other) noexcept;
  NftSet& operator=(NftSet&&) = delete;

  // Again: its time begins anew.
  [[nodiscard]] Result<void> Add(const Target& target, std::chrono::seconds term);
  // Also of one that is not there.
  [[nodiscard]] Result<void> Remove(const Target& target);

 private:
  explicit NftSet(nft_ctx* context) : context_(context) {}
  Result<void> Run(const std::string& commands);

  nft_ctx* context_;
};

}  // namespace holdfast::push_down
