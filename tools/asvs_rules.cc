#include "tools/asvs_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <regex>

namespace holdfast::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTable = "docs/asvs.md";
constexpr const char* kLevels = "tools/asvs_levels.txt";
constexpr std::array<const char*, 3> kDocuments = {kTable, "docs/THREAT_MODEL.md",
                                                   "docs/SECURITY_INVENTORY.md"};
constexpr std::array<std::string_view, 4> kStatuses = {"met", "partly", "not yet",
                                                       "does not apply"};
constexpr std::size_t kSubjectWordsMax = 8;

std::string Trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// "TEST_P(Suite, Name) {", perhaps over several lines.
void AddGoogleTests(const std::vector<std::string>& lines, std::set<std::string>& tests) {
  static const std::regex pattern(R"(^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)\s*\))");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("TEST") && !lines[i].starts_with("TYPED_TEST")) continue;
    const std::string text = lines[i] + (i + 1 < lines.size() ? " " + lines[i + 1] : "");
    std::smatch match;
    if (std::regex_search(text, match, pattern)) tests.insert(match.str(1) + "." + match.str(2));
  }
}

void AddScriptTests(const fs::path& file, const std::vector<std::string>& lines,
                    std::set<std::string>& tests) {
  static const std::regex pattern(R"(^\s*(?:await )?test\((["'`])(.*?)\1)");
  std::smatch match;
  for (const std::string& line : lines) {
    if (!std::regex_search(line, match, pattern)) continue;
    tests.insert(file.filename().string() + ": " + match.str(2));
  }
}

// Literal names, names with the variable of the loop around them, and corpora of fuzz targets.
void AddCtests(const std::vector<std::string>& lines, std::set<std::string>& tests) {
  static const std::regex loop(R"(^\s*foreach\((\w+) ([^)]*)\))");
  static const std::regex named(R"(^\s*add_test\(NAME ([\w${}]+))");
  static const std::regex fuzzed(R"(^add_fuzz_target\((\w+))");
  std::smatch match;
  std::map<std::string, std::vector<std::string>> items;
  for (const std::string& line : lines) {
    if (std::regex_search(line, match, loop)) items[match.str(1)] = Words(match.str(2));
    if (std::regex_search(line, match, fuzzed)) tests.insert("ctest: replay_" + match.str(1));
    if (!std::regex_search(line, match, named)) continue;
    const std::string name = match.str(1);
    const std::size_t at = name.find("${");
    if (at == std::string::npos) {
      tests.insert("ctest: " + name);
      continue;
    }
    const std::size_t end = std::min(name.find('}', at), name.size() - 1);
    for (const std::string& item : items[name.substr(at + 2, end - at - 2)]) {
      tests.insert("ctest: " + name.substr(0, at) + item + name.substr(end + 1));
    }
  }
}

std::vector<std::string> Quoted(const std::string& text) {
  std::vector<std::string> quoted;
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    quoted.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return quoted;
}

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(Trimmed(cell));
  return cells;
}

std::size_t StatusOf(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::find(kStatuses, text) - kStatuses.begin());
}

using Counts = std::array<int, kStatuses.size()>;

// Reads the table line by line; what it has counted is compared at the end.
class TableReader {
 public:
  TableReader(std::map<std::string, std::string> levels, const std::set<std::string>& tests)
      : levels_(std::move(levels)), tests_(tests) {}

  std::vector<Finding> Run(const std::vector<std::string>& lines) {
    static const std::regex row(R"(^\| \d+\.\d+\.\d+ \|)");
    static const std::regex count(R"(^\| [12] \|)");
    for (const std::string& line : lines) {
      ++line_;
      if (std::regex_search(line, row)) Row(Cells(line));
      if (std::regex_search(line, count)) Told(Cells(line));
    }
    for (const auto& [id, level] : levels_) {
      if (!seen_.contains(id)) Find(1, "there is no row for " + id);
    }
    for (const std::string level : {"1", "2"}) {
      if (!told_.contains(level)) Find(1, "no counts of level " + level);
    }
    for (const auto& [level, told] : told_) {
      if (told.second != counts_[level]) {
        Find(told.first, "level " + level + " counts " + Text(counts_[level]));
      }
    }
    return std::move(findings_);
  }

 private:
  void Row(const std::vector<std::string>& cells) {
    if (cells.size() != 5) return Find(line_, "a row has five cells");
    const std::string& id = cells[0];
    const auto level = levels_.find(id);
    if (level == levels_.end()) return Find(line_, id + " is no requirement of levels 1 and 2");
    if (!seen_.insert(id).second) return Find(line_, id + " has two rows");
    if (cells[1] != level->second) Find(line_, id + " is of level " + level->second);
    const std::size_t words = Words(cells[2]).size();
    if (words == 0 || words > kSubjectWordsMax) Find(line_, id + ": a subject has 1 to 8 words");
    const std::size_t status = StatusOf(cells[3]);
    if (status == kStatuses.size()) return Find(line_, id + ": unknown status " + cells[3]);
    ++counts_[level->second][status];
    const std::vector<std::string> named = Quoted(cells[4]);
    for (const std::string& test : named) {
      if (!tests_.contains(test)) Find(line_, id + ": there is no test " + test);
    }
    if (cells[3] == "met" && named.empty()) Find(line_, id + ": met, and no test shows it");
    if (cells[4].empty()) Find(line_, id + ": neither a test nor a reason");
  }

  void Told(const std::vector<std::string>& cells) {
    if (cells.size() != 1 + kStatuses.size()) return Find(line_, "a count for each status");
    Counts counts{};
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = std::atoi(cells[i + 1].c_str());
    if (!told_.emplace(cells[0], std::pair(line_, counts)).second) {
      Find(line_, "the counts of level " + cells[0] + " stand there twice");
    }
  }

  static std::string Text(const Counts& counts) {
    std::string text;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      text += (i == 0 ? "" : ", ") + std::to_string(counts[i]) + " " + std::string(kStatuses[i]);
    }
    return text;
  }

  void Find(int line, std::string message) {
    findings_.push_back({kTable, line, std::move(message)});
  }

  const std::map<std::string, std::string> levels_;
  const std::set<std::string>& tests_;
  int line_ = 0;
  std::set<std::string> seen_;
  std::map<std::string, Counts> counts_;
  std::map<std::string, std::pair<int, Counts>> told_;
  std::vector<Finding> findings_;
};

// Links to files, and tests of GoogleTest, that a document names.
void CheckDocument(const fs::path& root, const std::string& file,
                   const std::set<std::string>& tests, std::vector<Finding>& findings) {
  static const std::regex link(R"(\]\(([^)#]+)(#[^)]*)?\))");
  static const std::regex test(R"(^[A-Z]\w*\.[A-Z]\w*$)");
  int number = 0;
  for (const std::string& line : ReadLines(root / file)) {
    ++number;
    for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
      const std::string target = it->str(1);
      const bool is_elsewhere = target.find("://") != std::string::npos;
      if (!is_elsewhere && !fs::exists((root / file).parent_path() / target)) {
        findings.push_back({file, number, "the link leads nowhere: " + target});
      }
    }
    if (file == kTable) continue;
    for (const std::string& name : Quoted(line)) {
      if (std::regex_match(name, test) && !tests.contains(name)) {
        findings.push_back({file, number, "there is no test " + name});
      }
    }
  }
}

}  // namespace

std::set<std::string> FindTests(const fs::path& root) {
  std::set<std::string> tests;
  for (const char* folder : {"src", "tests", "tools", "bench", "apps"}) {
    for (const fs::path& file : ListFiles(root, folder, {".cc"})) {
      AddGoogleTests(ReadLines(root / file), tests);
    }
  }
  for (const fs::path& file : ListFiles(root, "tests", {".mjs"})) {
    AddScriptTests(file, ReadLines(root / file), tests);
  }
  for (const char* folder : {"tests", "tools", "fuzz"}) {
    for (const fs::path& file : ListFiles(root, folder, {".txt"})) {
      if (file.filename() == "CMakeLists.txt") AddCtests(ReadLines(root / file), tests);
    }
  }
  return tests;
}

std::vector<Finding> CheckAsvs(const fs::path& root) {
  std::vector<Finding> findings;
  for (const char* file : kDocuments) {
    if (!fs::exists(root / file)) findings.push_back({file, 1, "the document is missing"});
  }
  std::map<std::string, std::string> levels;
  int number = 0;
  for (const std::string& line : ReadLines(root / kLevels)) {
    ++number;
    if (line.starts_with("#")) continue;
    const std::vector<std::string> words = Words(line);
    if (words.size() != 2 || !levels.emplace(words[0], words[1]).second) {
      findings.push_back({kLevels, number, "a line is a requirement, once, and its level"});
    }
  }
  const std::set<std::string> tests = FindTests(root);
  TableReader reader(std::move(levels), tests);
  for (Finding& finding : reader.Run(ReadLines(root / kTable))) {
    findings.push_back(std::move(finding));
  }
  for (const char* file : kDocuments) CheckDocument(root, file, tests, findings);
  return findings;
}

}  // namespace holdfast::tools
