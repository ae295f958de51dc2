#include "drill/front_door.h"

#include "drill/doors/adaptive_limit_door.h"
#include "drill/doors/address_limit_door.h"
#include "drill/doors/guarded_door.h"
#include "drill/doors/open_door.h"
#include "drill/doors/source_ban_door.h"

namespace holdfast::drill {

std::unique_ptr<FrontDoor> MakeFrontDoor(const Scenario& scenario) {
  switch (scenario.door) {
    case DoorKind::kFifo:
      return std::make_unique<OpenDoor>();
    case DoorKind::kAddressLimit:
      return std::make_unique<AddressLimitDoor>();
    case DoorKind::kSourceBan:
      return std::make_unique<SourceBanDoor>();
    case DoorKind::kAdaptiveLimit:
      return std::make_unique<AdaptiveLimitDoor>();
    case DoorKind::kGuard:
      break;
  }
  return std::make_unique<GuardedDoor>(scenario);
}

}  // namespace holdfast::drill
