// IncidentFolder: a labelled incident as files that anybody can read, for judges other than ours,
// and what ours made of it:
//   incident.json   seed, class, label, true shares, times, redraws
//   requests.csv    a line an attempt: what a gateway knows, and in the last columns the truth
//   capacity.csv    what the engines could do, a line a change
//   bundle.json     the verdict with its evidence (incidents/bundle.h); none if nothing was noticed
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "drill/labelled_incident.h"
#include "guard/verdict/verdict.h"

namespace holdfast::drill {

// Makes the folder; files of an earlier incident are replaced. Returns the verdict's label, none if
// nothing was noticed. Errors: kIo, kDiskFull.
[[nodiscard]] Result<std::optional<guard::Label>> WriteIncident(
    const LabelledIncident& incident, const std::filesystem::path& folder);

}  // namespace holdfast::drill
