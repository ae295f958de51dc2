// IncidentFolder: a labelled incident as files that anybody can read, for judges other than ours,
// and what ours made of it:
//   incident.json   seed, class, label, true shares, times, redraws
//   requests.csv    a line an attempt: what a gateway knows, and in the last columns the truth
//   capacity.csv    what the engines could do, a line a change
//   bundle.json     the verdict with its evidence (incidents/bundle.h); none if nothing was noticed
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "drill/labelled_incident.h"

namespace holdfast::drill {

// Makes the folder; files of an earlier incident are replaced. Returns the label that the bundle
// claims, none if nothing was noticed. Errors: kIo, kDiskFull.
[[nodiscard]] Result<std::optional<std::string>> WriteIncident(const LabelledIncident& incident,
                                                               const std::filesystem::path& folder);

}  // namespace holdfast::drill
