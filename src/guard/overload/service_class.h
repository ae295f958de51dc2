// The six classes of callers, in the order in which overload sheds them. Value types.
#pragma once

#include <cstdint>

#include "guard/facts.h"

namespace holdfast::guard {

// Most protected first: a class is refused before those above it. People before batch work of the
// same standing, and standing that took time to earn before standing that did not.
enum class ServiceClass : std::uint8_t {
  kHistory,
  kNew,
  kHistoryBatch,
  kAnonymous,
  kNewBatch,
  kAnonymousBatch,
};
inline constexpr int kServiceClassCount = static_cast<int>(ServiceClass::kAnonymousBatch) + 1;

constexpr ServiceClass ClassOf(Standing standing, bool is_batch) {
  constexpr ServiceClass kClasses[kStandingCount][2] = {
      {ServiceClass::kAnonymous, ServiceClass::kAnonymousBatch},
      {ServiceClass::kNew, ServiceClass::kNewBatch},
      {ServiceClass::kHistory, ServiceClass::kHistoryBatch}};
  return kClasses[static_cast<int>(standing)][is_batch ? 1 : 0];
}

constexpr Standing StandingOf(ServiceClass service_class) {
  constexpr Standing kStandings[kServiceClassCount] = {Standing::kHistory, Standing::kNew,
                                                       Standing::kHistory, Standing::kAnonymous,
                                                       Standing::kNew,     Standing::kAnonymous};
  return kStandings[static_cast<int>(service_class)];
}

constexpr bool IsBatch(ServiceClass service_class) {
  return service_class == ServiceClass::kHistoryBatch || service_class == ServiceClass::kNewBatch ||
         service_class == ServiceClass::kAnonymousBatch;
}

}  // namespace holdfast::guard
