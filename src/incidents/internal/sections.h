// Sections of a bundle's input as JSON and back. Internal to incidents/. Free functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "incidents/bundle.h"
#include "json/json.h"

namespace holdfast::incidents {

// By name, in the order of the file: "incident", "service", "capacity", "provision",
// "probes", "gaps", "records", "scores".
std::vector<std::pair<std::string, json::Value>> WriteSections(const Bundle& bundle);

// `sections` holds each of them and nothing else.
[[nodiscard]] Result<void> ReadSections(const json::Object& sections, Bundle& bundle);

}  // namespace holdfast::incidents
