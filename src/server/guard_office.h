// GuardOffice: due process around the live door: decisions that operators list and undo, likeness
// that is measured before it is enforced, a thread for their paperwork, and the console, over which
// verbs of this machine ask for all that a gateway holds. Opened once at start, when the accounts
// are; Stop before the door goes. Thread-safe.
//
// In the state folder: likeness.trial, control.sock.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/account/guard_desk.h"
#include "base/result.h"
#include "crypto/keyed_hash.h"
#include "metrics/registry.h"
#include "net/address.h"
#include "push_down/helper.h"
#include "server/account_office.h"
#include "server/address_book.h"
#include "server/config.h"
#include "server/control_socket.h"
#include "server/decision_desk.h"
#include "server/guard_clerk.h"
#include "server/kernel_list.h"
#include "server/likeness_keeper.h"
#include "server/live_door.h"

namespace holdfast::server {

// The one who tells the kernel, and why there is none.
struct KernelHelper {
  std::optional<push_down::Helper> helper;
  std::string why;
};
// Before there are threads and secrets, of which the child would be a copy. Without it the service
// works, so it is no reason not to start. This process gives the right up. Errors: kInvalidArgument
// (the configuration).
[[nodiscard]] Result<KernelHelper> StartKernelHelper(const Config& config);

class GuardOffice {
 public:
  // All that it is given must outlive it. Errors: kInvalidArgument (the configuration).
  [[nodiscard]] static Result<std::unique_ptr<GuardOffice>> Open(
      const Config& config, const std::filesystem::path& state_dir, const crypto::HashKey& key,
      AccountOffice& accounts, LiveDoor& door, KernelHelper& helper, metrics::Registry& registry);
  ~GuardOffice() { Stop(); }
  GuardOffice(const GuardOffice&) = delete;
  GuardOffice& operator=(const GuardOffice&) = delete;

  // For endpoints, which it outlives.
  const api::GuardDesk& desk() const { return desk_; }

  // Where it is noted who is refused.
  AddressBook& book() { return book_; }

  void Stop();

 private:
  GuardOffice(LiveDoor& door, KernelHelper& helper, std::vector<net::Network> trusted_proxies,
              metrics::Registry& registry);
  void OpenConsole(const std::filesystem::path& state_dir, AccountOffice& accounts);
  json::Object State();

  LiveDoor& door_;
  AddressBook book_;
  KernelList kernel_;
  std::unique_ptr<DecisionDesk> decisions_;
  std::unique_ptr<LikenessKeeper> likeness_;
  api::GuardDesk desk_;
  std::unique_ptr<GuardClerk> clerk_;
  std::unique_ptr<ControlSocket> console_;
};

}  // namespace holdfast::server
