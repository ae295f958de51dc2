// IncidentFolder: a labelled incident as files that anybody can read, for judges other than ours:
//   incident.json   seed, class, label, true shares, times, redraws
//   requests.csv    a line an attempt: what a gateway knows, and in the last columns the truth
//   capacity.csv    what the engines could do, a line a change
#pragma once

#include <filesystem>

#include "base/result.h"
#include "drill/labelled_incident.h"

namespace holdfast::drill {

// Makes the folder; files of an earlier incident are replaced. Errors: kIo, kDiskFull.
[[nodiscard]] Result<void> WriteIncident(const LabelledIncident& incident,
                                         const std::filesystem::path& folder);

}  // namespace holdfast::drill
