// Finding: one broken rule at one place, printed as "file:line: message" so that editors jump to
// it. Shared by the checks of this folder; value type.
#pragma once

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::tools {

struct Finding {
  std::string file;  // Relative to the root of the repository.
  int line = 1;
  std::string message;

  bool operator==(const Finding&) const = default;
};

inline std::vector<std::string> ReadLines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
  return lines;
}

// Files below root/folder with one of the extensions, sorted, relative to root.
std::vector<std::filesystem::path> ListFiles(const std::filesystem::path& root,
                                             const std::string& folder,
                                             const std::vector<std::string>& extensions);

// Prints the findings; the exit status of a check.
int Report(const std::string& check, const std::vector<Finding>& findings);

}  // namespace holdfast::tools
