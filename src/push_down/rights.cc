#include "push_down/rights.h"

#include <array>
#include <cstdint>

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace holdfast::push_down {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::uint64_t kNetAdmin = std::uint64_t{1} << CAP_NET_ADMIN;

struct Rights {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};

using Halves = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

std::uint64_t Whole(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

Result<Rights> ReadRights() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Halves halves{};
  if (::syscall(SYS_capget, &header, halves.data()) != 0) return Fail(ErrnoError("read rights"));
  return Rights{Whole(halves[0].effective, halves[1].effective),
                Whole(halves[0].permitted, halves[1].permitted),
                Whole(halves[0].inheritable, halves[1].inheritable)};
}

Result<void> SetRights(const Rights& rights) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Halves halves{};
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const auto half = [&](std::uint64_t whole) {
      return static_cast<std::uint32_t>(whole >> 32 * i);
    };
    halves[i] = {half(rights.effective), half(rights.permitted), half(rights.inheritable)};
  }
  if (::syscall(SYS_capset, &header, halves.data()) != 0) return Fail(ErrnoError("set rights"));
  return {};
}

// Where this process may not, it has none to lose to a program that it runs: it runs none.
void EmptyBounds(std::uint64_t but) {
  for (int right = 0; right <= CAP_LAST_CAP; ++right) {
    if ((but >> right & 1) == 0) static_cast<void>(::prctl(PR_CAPBSET_DROP, right, 0, 0, 0));
  }
}

Result<void> BecomeNobody() {
  if (::geteuid() != 0) return {};
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0 ||
      ::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return Fail(ErrnoError("become nobody"));
  }
  return {};
}

}  // namespace

bool HasNetAdmin() {
  const Result<Rights> rights = ReadRights();
  return rights && (rights->permitted & kNetAdmin) != 0;
}

Result<void> KeepNetAdminAlone() {
  static_cast<void>(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  EmptyBounds(kNetAdmin);
  TRY(BecomeNobody());
  TRY(SetRights({.effective = kNetAdmin, .permitted = kNetAdmin, .inheritable = 0}));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail(ErrnoError("give up new rights"));
  return {};
}

void DropNetAdmin() {
  Result<Rights> rights = ReadRights();
  if (!rights) return;
  static_cast<void>(::prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0));
  rights->effective &= ~kNetAdmin;
  rights->permitted &= ~kNetAdmin;
  rights->inheritable &= ~kNetAdmin;
  static_cast<void>(SetRights(*rights));
}

}  // namespace holdfast::push_down
