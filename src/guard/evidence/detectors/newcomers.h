// Newcomers: more never-seen clients of one kind than the growth of trusted clients explains. In a
// crowd most clients were seen before, or come as people come, by a page (Jung et al. 2002: 43-83 %
// of a crowd's clusters known, 0.6-14 % of an attack's).
//
// Evidence: excess of the client's door, if the client is new and did not come by a page, or is an
// old account in a new place, as bought and stolen ones are. None for one whose make (fingerprint)
// was here before and did not grow with them: the newcomers of every day.
//
// Fails when: bots load pages first; an honest program's many workers start for the first time,
// each with a key of its own; the past is not known yet.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double Newcomers(const ClientView& view) {
  const bool is_person = view.client.surface() == Surface::kWeb && view.client.Has(Trait::kPaged) &&
                         view.client.standing != Standing::kHistory;
  const bool is_looking = view.client.requests > 0 && !view.client.Has(Trait::kEntered);
  if (is_person || is_looking || !view.client.Has(Trait::kNewcomer)) return 0;
  if (view.Group(GroupKind::kFingerprint).is_usual) return 0;
  return view.Group(GroupKind::kDoor).excess;
}

}  // namespace holdfast::guard
