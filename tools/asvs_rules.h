// What holds docs/asvs.md to the code: each requirement of tools/asvs_levels.txt has one row, each
// row a status of the closed list, each test that a row names is there, and the counts are those of
// the rows. docs/THREAT_MODEL.md and docs/SECURITY_INVENTORY.md are held to their links and tests.
// Free functions on a directory tree; single-threaded.
//
// In the last cell of a row everything between backquotes names a test: `Suite.Test` of GoogleTest,
// `file.test.mjs: its name`, or `ctest: name`. A row that is met names at least one.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/finding.h"

namespace holdfast::tools {

// The names of all tests of a tree, as rows write them.
std::set<std::string> FindTests(const std::filesystem::path& root);

std::vector<Finding> CheckAsvs(const std::filesystem::path& root);

}  // namespace holdfast::tools
