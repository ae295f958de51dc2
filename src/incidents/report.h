// Report: an incident told from its bundle, for machines (JSON), for a log or a mail (Markdown) and
// for people (HTML with charts): what was lost, the shares with their intervals, the timeline, the
// evidence, who was refused and why, how far the replay can be trusted. The same bundle gives the
// same report to the byte, so that a report can be verified like the bundle. Pure; thread-safe.
#pragma once

#include <string>

#include "incidents/bundle.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

enum class ReportFormat { kJson, kMarkdown, kHtml };

// `verdict`: Judge() of the bundle's input.
std::string WriteReport(const Bundle& bundle, const verdict::Verdict& verdict, ReportFormat format);

}  // namespace holdfast::incidents
