// Reads pages: it came by a page, and looked at it before it asked.
//
// Evidence: -1 for the page, -1 for the time on it. Not having loaded one says nothing here.
//
// Fails when: bots drive a browser.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double ReadsPages(const ClientView& view) {
  return (view.client.Has(Trait::kPaged) ? -1.0 : 0.0) -
         (view.client.Has(Trait::kDwelt) ? 1.0 : 0.0);
}

}  // namespace holdfast::guard
