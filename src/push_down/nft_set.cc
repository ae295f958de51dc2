#include "push_down/nft_set.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <nftables/libnftables.h>

namespace holdfast::push_down {
namespace {

// Earliest in the way of a packet, before connections are tracked. Who is dropped can still reach
// every other port, so that nobody locks the operator out of the machine.
constexpr const char* kTable = R"(
add table inet holdfast
delete table inet holdfast
table inet holdfast {{
  set dropped4 {{ type ipv4_addr; flags timeout; size {0}; }}
  set dropped6 {{ type ipv6_addr; flags timeout; size {0}; }}
  chain arriving {{
    type filter hook prerouting priority -300; policy accept;
    fib daddr type local {1} ip saddr @dropped4 drop
    fib daddr type local {1} ip6 saddr & ffff:ffff:ffff:ffff:: @dropped6 drop
  }}
}}
)";

const char* SetOf(const Target& target) { return target.is_v4() ? "dropped4" : "dropped6"; }

std::string FirstLine(const char* text) {
  const std::string all = text == nullptr ? "" : text;
  return all.substr(0, all.find('\n'));
}

}  // namespace

Result<NftSet> NftSet::Open(int port) {
  nft_ctx* const context = ::nft_ctx_new(NFT_CTX_DEFAULT);
  if (context == nullptr) return Fail(ErrorCode::kUnavailable, "libnftables does not start");
  NftSet set(context);
  ::nft_ctx_buffer_error(context);
  ::nft_ctx_buffer_output(context);
  const std::string ports = port == 0 ? "meta l4proto tcp" : fmt::format("tcp dport {}", port);
  TRY(set.Run(fmt::format(kTable, kEntriesMax, ports)));
  return set;
}

NftSet::NftSet(NftSet&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

NftSet::~NftSet() {
  if (context_ == nullptr) return;
  static_cast<void>(Run("delete table inet holdfast"));
  ::nft_ctx_free(context_);
}

Result<void> NftSet::Run(const std::string& commands) {
  errno = 0;
  if (::nft_run_cmd_from_buffer(context_, commands.c_str()) == 0) return {};
  const int error = errno;
  const std::string said = FirstLine(::nft_ctx_get_error_buffer(context_));
  const bool is_denied = error == EPERM || said.find("not permitted") != std::string::npos;
  return Fail(is_denied ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable, "nftables: {}",
              said);
}

// Adding one that is there does not change its time, and removing one that is not fails. In one
// transaction the three do what is meant whatever was there.
Result<void> NftSet::Add(const Target& target, std::chrono::seconds term) {
  const std::string element =
      fmt::format("element inet holdfast {} {{ {} }}", SetOf(target), target.ToString());
  return Run(
      fmt::format("add {0}\ndelete {0}\nadd element inet holdfast {1} {{ {2} timeout {3}s }}",
                  element, SetOf(target), target.ToString(), term.count()));
}

Result<void> NftSet::Remove(const Target& target) {
  const std::string element =
      fmt::format("element inet holdfast {} {{ {} }}", SetOf(target), target.ToString());
  return Run(fmt::format("add {0}\ndelete {0}", element));
}

}  // namespace holdfast::push_down
