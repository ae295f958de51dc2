// Report: the run's curves as one self-contained HTML page (inline SVG, no scripts, no outside
// links): loss and held-out loss, learning rate, expert load, and the ledger. Pure functions;
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "json/json.h"

namespace holdfast::trainer {

// `history` as ReadHistory gives it, `ledger` as LedgerReport; `experts` of one MoE block.
std::string MakeReport(const std::string& name, const std::vector<json::Object>& history,
                       const json::Object& ledger, std::int64_t experts);

}  // namespace holdfast::trainer
