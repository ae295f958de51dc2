// Parts of a report: its text and tables, before they take the form of Markdown or HTML. Internal
// to incidents/. Pure.
#pragma once

#include <string>
#include <vector>

#include "incidents/bundle.h"
#include "incidents/timeline.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

struct Table {
  std::string title;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

struct ReportParts {
  std::string title;
  std::vector<std::string> sentences;
  std::vector<Table> tables;
  std::vector<std::string> notes;  // How far it can be trusted.
};

ReportParts MakeReportParts(const Bundle& bundle, const verdict::Verdict& verdict,
                            const Timeline& timeline);

}  // namespace holdfast::incidents
