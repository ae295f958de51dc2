// Style rules that a program can check: lengths, header openings, words that must not stay.
// Free functions on a directory tree; single-threaded.
//
// tools/style_allow.txt lists what may be longer, one a line: FILE RULE LIMIT REASON. An entry
// without a reason, or one that is not needed (any more), is a finding itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/finding.h"

namespace holdfast::tools {

inline constexpr int kSourceLinesMax = 600;
inline constexpr int kHeaderLinesMax = 300;
inline constexpr int kFunctionLinesMax = 70;

// A function's body as found by its braces.
struct FunctionSpan {
  int first_line;
  int last_line;
};
// Functions at namespace or class scope of C++ text; nested lambdas belong to their function.
std::vector<FunctionSpan> FindFunctions(const std::vector<std::string>& lines);

std::vector<Finding> CheckStyle(const std::filesystem::path& root);

}  // namespace holdfast::tools
