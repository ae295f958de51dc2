// What the verdict takes from the guard: its clock and its facts, under their own names.
#pragma once

#include "guard/clock.h"
#include "guard/evidence/scorer.h"
#include "guard/facts.h"
#include "guard/overload/admission.h"
#include "guard/refusal.h"

namespace holdfast::verdict {

using guard::Admission;
using guard::AdmissionOptions;
using guard::AtSeconds;
using guard::Caller;
using guard::ClusterScore;
using guard::Duration;
using guard::Ending;
using guard::EngineReport;
using guard::FromSeconds;
using guard::IsByEdge;
using guard::IsGeneration;
using guard::kDetectorCount;
using guard::kRefusalCount;
using guard::OutcomeFacts;
using guard::Refusal;
using guard::RequestFacts;
using guard::Route;
using guard::ServiceLevel;
using guard::Standing;
using guard::TicketId;
using guard::Time;
using guard::ToSeconds;

}  // namespace holdfast::verdict
