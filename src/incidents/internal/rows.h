// Rows: the long sections of a bundle, records and scores, as arrays of whole numbers. Internal to
// incidents/. Free functions; thread-safe.
#pragma once

#include <vector>

#include "base/result.h"
#include "guard/evidence/scorer.h"
#include "json/json.h"
#include "verdict/journal.h"

namespace holdfast::incidents {

// As a bundle holds them, re-keyed before: durations in tenths of a second, weights and what the
// detectors saw rounded, odds computed from that. Requests of one second stand in an order that
// tells nothing but which attempt came first, and are taken to have come evenly spread over it.
// Writing and reading them again changes nothing more.
void MakeCoarse(std::vector<verdict::JournalRecord>& records);
void MakeCoarse(std::vector<guard::ClusterScore>& scores, const guard::Calibration& calibration);

json::Value WriteRecords(const std::vector<verdict::JournalRecord>& records);
json::Value WriteScores(const std::vector<guard::ClusterScore>& scores);

// From the members "records" and "scores".
[[nodiscard]] Result<void> ReadRecords(const json::Object& sections,
                                       std::vector<verdict::JournalRecord>& records);
[[nodiscard]] Result<void> ReadScores(const json::Object& sections,
                                      std::vector<guard::ClusterScore>& scores);

}  // namespace holdfast::incidents
