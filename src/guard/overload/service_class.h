// The classes of callers, in the order in which overload sheds them. Value types.
#pragma once

#include <cstdint>

#include "guard/facts.h"

namespace holdfast::guard {

// Most protected first: a class is refused before those above it. Who was served in quiet time
// (regulars.h) before who was not, people before batch work of the same standing, and standing that
// took time to earn before standing that did not. An account with history that comes after a long
// time is behind strangers who were here yesterday, but has a share of its own (AdmissionOptions).
enum class ServiceClass : std::uint8_t {
  kRegularHistory,
  kRegular,
  kHistory,
  kNew,
  kHistoryBatch,
  kAnonymous,
  kNewBatch,
  kAnonymousBatch,
};
inline constexpr int kServiceClassCount = static_cast<int>(ServiceClass::kAnonymousBatch) + 1;

constexpr ServiceClass ClassOf(Standing standing, bool is_batch, bool is_regular = false) {
  if (is_regular && !is_batch) {
    return standing == Standing::kHistory ? ServiceClass::kRegularHistory : ServiceClass::kRegular;
  }
  constexpr ServiceClass kClasses[kStandingCount][2] = {
      {ServiceClass::kAnonymous, ServiceClass::kAnonymousBatch},
      {ServiceClass::kNew, ServiceClass::kNewBatch},
      {ServiceClass::kHistory, ServiceClass::kHistoryBatch}};
  return kClasses[static_cast<int>(standing)][is_batch ? 1 : 0];
}

// What a class is worth where regulars count as accounts with history do.
constexpr Standing StandingOf(ServiceClass service_class) {
  constexpr Standing kStandings[kServiceClassCount] = {
      Standing::kHistory, Standing::kHistory,   Standing::kHistory, Standing::kNew,
      Standing::kHistory, Standing::kAnonymous, Standing::kNew,     Standing::kAnonymous};
  return kStandings[static_cast<int>(service_class)];
}

constexpr bool IsRegular(ServiceClass service_class) {
  return service_class <= ServiceClass::kRegular;
}

constexpr bool IsBatch(ServiceClass service_class) {
  return service_class == ServiceClass::kHistoryBatch || service_class == ServiceClass::kNewBatch ||
         service_class == ServiceClass::kAnonymousBatch;
}

}  // namespace holdfast::guard
