#include "tools/finding.h"

#include <algorithm>

namespace holdfast::tools {

namespace fs = std::filesystem;

std::vector<fs::path> ListFiles(const fs::path& root, const std::string& folder,
                                const std::vector<std::string>& extensions) {
  std::vector<fs::path> files;
  if (!fs::exists(root / folder)) return files;
  for (fs::recursive_directory_iterator entry(root / folder), end; entry != end; ++entry) {
    const std::string name = entry->path().filename();
    if (entry->is_directory() && (name == "node_modules" || name == "dist")) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() &&
               std::find(extensions.begin(), extensions.end(), entry->path().extension()) !=
                   extensions.end()) {
      files.push_back(fs::relative(entry->path(), root));
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

int Report(const std::string& check, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::cout << finding.file << ":" << finding.line << ": " << finding.message << "\n";
  }
  std::cout << check << ": " << (findings.empty() ? "no findings" : "");
  if (!findings.empty()) std::cout << findings.size() << " findings";
  std::cout << "\n";
  return findings.empty() ? 0 : 1;
}

}  // namespace holdfast::tools
