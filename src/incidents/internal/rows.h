// Rows: the long sections of a bundle, records and scores, as arrays of whole numbers. Internal to
// incidents/. Free functions; thread-safe.
#pragma once

#include <vector>

#include "base/result.h"
#include "guard/evidence/scorer.h"
#include "json/json.h"
#include "verdict/journal.h"

namespace holdfast::incidents {

// As a bundle holds it: times in milliseconds, weights and odds rounded. Writing and reading it
// again changes nothing more.
verdict::JournalRecord Rounded(const verdict::JournalRecord& record);
guard::ClusterScore Rounded(const guard::ClusterScore& score);

json::Value WriteRecords(const std::vector<verdict::JournalRecord>& records);
json::Value WriteScores(const std::vector<guard::ClusterScore>& scores);

// From the members "records" and "scores".
[[nodiscard]] Result<void> ReadRecords(const json::Object& sections,
                                       std::vector<verdict::JournalRecord>& records);
[[nodiscard]] Result<void> ReadScores(const json::Object& sections,
                                      std::vector<guard::ClusterScore>& scores);

}  // namespace holdfast::incidents
