// Every job that a child of this program may be started for: what strangers upload is read by one
// of them. main gives the table to the child, the gateway to its sandbox.
#pragma once

#include <array>

#include "conversations/import_job.h"
#include "sandbox/job.h"

namespace holdfast::server {

inline constexpr std::array kSandboxJobs{
    conversations::kImportJob,
};

}  // namespace holdfast::server
