#include "tools/style_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

namespace holdfast::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAllowList = "tools/style_allow.txt";

// C++ text without comments, literals and preprocessor lines; the same lines, so that numbers
// stay. Literals become empty ones.
class Stripper {
 public:
  std::vector<std::string> Run(const std::vector<std::string>& lines) {
    std::vector<std::string> stripped;
    for (const std::string& line : lines) stripped.push_back(Line(line));
    return stripped;
  }

 private:
  std::string Line(const std::string& line) {
    std::string out;
    std::size_t at = 0;
    const std::size_t first = line.find_first_not_of(" \t");
    const bool is_directive =
        first != std::string::npos && line[first] == '#' && !is_in_comment_ && raw_end_.empty();
    if (is_directive || continues_directive_) {
      continues_directive_ = line.ends_with('\\');
      return out;
    }
    while (at < line.size()) {
      if (is_in_comment_) {
        at = SkipTo(line, at, "*/", is_in_comment_);
      } else if (!raw_end_.empty()) {
        const std::size_t end = line.find(raw_end_, at);
        if (end == std::string::npos) return out;
        at = end + raw_end_.size();
        raw_end_.clear();
      } else if (line.compare(at, 2, "//") == 0) {
        break;
      } else if (line.compare(at, 2, "/*") == 0) {
        is_in_comment_ = true;
        at += 2;
      } else if (line.compare(at, 2, "R\"") == 0) {
        const std::size_t open = line.find('(', at);
        if (open == std::string::npos) break;
        raw_end_ = ")" + line.substr(at + 2, open - at - 2) + "\"";
        at = open + 1;
      } else if (line[at] == '"' || IsCharacterQuote(line, at)) {
        at = SkipLiteral(line, at);
      } else {
        out += line[at++];
      }
    }
    return out;
  }

  static std::size_t SkipTo(const std::string& line, std::size_t at, const std::string& end,
                            bool& is_inside) {
    const std::size_t found = line.find(end, at);
    if (found == std::string::npos) return line.size();
    is_inside = false;
    return found + end.size();
  }

  // A quote after a digit or letter separates digits: 1'000.
  static bool IsCharacterQuote(const std::string& line, std::size_t at) {
    if (line[at] != '\'') return false;
    if (at == 0) return true;
    const auto before = static_cast<unsigned char>(line[at - 1]);
    if (std::isxdigit(before) == 0) return true;
    return at + 1 >= line.size() || std::isxdigit(static_cast<unsigned char>(line[at + 1])) == 0;
  }

  static std::size_t SkipLiteral(const std::string& line, std::size_t at) {
    const char quote = line[at++];
    while (at < line.size() && line[at] != quote) at += line[at] == '\\' ? 2 : 1;
    return at + 1;
  }

  bool is_in_comment_ = false;
  bool continues_directive_ = false;
  std::string raw_end_;  // Not empty: inside a raw string that ends so.
};

bool HasWord(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const auto is_part = [&](std::size_t i) {
      return i < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
    };
    if (!is_part(at + word.size()) && (at == 0 || !is_part(at - 1))) return true;
  }
  return false;
}

// Walks braces with a stack of scopes; the text since the last ; { or } tells what a brace opens.
class FunctionFinder {
 public:
  std::vector<FunctionSpan> Run(const std::vector<std::string>& stripped) {
    for (std::size_t i = 0; i < stripped.size(); ++i) {
      line_ = static_cast<int>(i) + 1;
      for (const char letter : stripped[i]) Letter(letter);
      statement_ += ' ';
    }
    return std::move(spans_);
  }

 private:
  enum class Scope { kOuter, kFunction, kOther };

  void Letter(char letter) {
    if (letter == '{') {
      Open();
    } else if (letter == '}') {
      Close();
    } else if (letter == ';') {
      Reset();
    } else {
      if (statement_.find_first_not_of(' ') == std::string::npos && letter != ' ')
        first_line_ = line_;
      statement_ += letter;
    }
  }

  void Open() {
    const bool is_outer =
        std::all_of(scopes_.begin(), scopes_.end(), [](Scope s) { return s == Scope::kOuter; });
    Scope scope = Scope::kOther;
    const bool has_call = statement_.find('(') != std::string::npos;
    const bool is_type = HasWord(statement_, "class") || HasWord(statement_, "struct") ||
                         HasWord(statement_, "union") || HasWord(statement_, "enum");
    if (is_outer) {
      if (HasWord(statement_, "namespace") || HasWord(statement_, "extern") ||
          (is_type && !has_call)) {
        scope = Scope::kOuter;
      } else if (has_call) {
        scope = Scope::kFunction;
        function_line_ = first_line_;
      }
    }
    scopes_.push_back(scope);
    Reset();
  }

  void Close() {
    if (!scopes_.empty()) {
      if (scopes_.back() == Scope::kFunction) spans_.push_back({function_line_, line_});
      scopes_.pop_back();
    }
    Reset();
  }

  void Reset() { statement_.clear(); }

  std::vector<Scope> scopes_;
  std::vector<FunctionSpan> spans_;
  std::string statement_;
  int line_ = 0;
  int first_line_ = 0;
  int function_line_ = 0;
};

struct Allowance {
  std::string file;
  std::string rule;
  int limit = 0;
  int line = 0;
  bool is_used = false;
};

class Checker {
 public:
  explicit Checker(const fs::path& root) : root_(root) { ReadAllowList(); }

  std::vector<Finding> Run() {
    for (const char* folder : {"src", "apps", "tests", "bench", "fuzz", "tools"}) {
      for (const fs::path& file : ListFiles(root_, folder, {".h", ".cc"})) CheckCpp(file);
    }
    for (const char* folder : {"web/src", "tests", "tools", "cmake"}) {
      for (const fs::path& file :
           ListFiles(root_, folder, {".ts", ".tsx", ".mjs", ".css", ".sh", ".cmake"})) {
        const std::vector<std::string> lines = ReadLines(root_ / file);
        CheckWords(file.string(), lines);
        CheckLength(file.string(), "file_lines", static_cast<int>(lines.size()), kSourceLinesMax,
                    1);
      }
    }
    for (const Allowance& allowance : allowances_) {
      if (!allowance.is_used) {
        Add(kAllowList, allowance.line,
            "not needed: " + allowance.file + " keeps to " + allowance.rule);
      }
    }
    return std::move(findings_);
  }

 private:
  void ReadAllowList() {
    const std::vector<std::string> lines = ReadLines(root_ / kAllowList);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].empty() || lines[i].starts_with('#')) continue;
      std::istringstream stream(lines[i]);
      Allowance allowance;
      std::string reason;
      allowance.line = static_cast<int>(i) + 1;
      stream >> allowance.file >> allowance.rule >> allowance.limit;
      std::getline(stream, reason);
      const bool is_rule = allowance.rule == "file_lines" || allowance.rule == "function_lines";
      if (!is_rule || allowance.limit <= 0 || reason.size() < 10) {
        Add(kAllowList, allowance.line,
            "an entry is: FILE file_lines|function_lines LIMIT and the reason");
        continue;
      }
      allowances_.push_back(allowance);
    }
  }

  void CheckCpp(const fs::path& file) {
    const std::string name = file.string();
    const std::vector<std::string> lines = ReadLines(root_ / file);
    const bool is_header = file.extension() == ".h";
    const bool is_source = !is_header || name.ends_with("-inl.h");  // Shared between targets.
    CheckLength(name, "file_lines", static_cast<int>(lines.size()),
                is_source ? kSourceLinesMax : kHeaderLinesMax, 1);
    for (const FunctionSpan& span : FindFunctions(lines)) {
      CheckLength(name, "function_lines", span.last_line - span.first_line + 1, kFunctionLinesMax,
                  span.first_line);
    }
    if (is_header) CheckHeader(name, lines);
    CheckIncludes(name, lines);
    CheckWords(name, lines);
  }

  void CheckLength(const std::string& file, const std::string& rule, int length, int limit,
                   int line) {
    if (length <= limit) return;
    for (Allowance& allowance : allowances_) {
      if (allowance.file == file && allowance.rule == rule && length <= allowance.limit) {
        allowance.is_used = true;
        return;
      }
    }
    Add(file, line,
        rule + ": " + std::to_string(length) + " lines, over the limit of " +
            std::to_string(limit));
  }

  void CheckHeader(const std::string& file, const std::vector<std::string>& lines) {
    if (lines.empty() || !lines[0].starts_with("// ")) {
      Add(file, 1, "a header begins with what it is, who owns it, threads, invariants");
    }
    // An -inl.h is compiled once per target and guards itself by Highway's toggle.
    const bool is_inline = file.ends_with("-inl.h");
    const bool has_guard = std::find(lines.begin(), lines.end(), "#pragma once") != lines.end();
    if (!has_guard && !is_inline) Add(file, 1, "no #pragma once");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].starts_with("using namespace ")) {
        Add(file, static_cast<int>(i) + 1, "using namespace in a header");
      }
    }
  }

  // clang finds std::expected in libstdc++ 12 only through base/result.h.
  void CheckIncludes(const std::string& file, const std::vector<std::string>& lines) {
    if (file == "src/base/result.h") return;
    const auto found = std::find(lines.begin(), lines.end(), "#include <expected>");
    if (found == lines.end()) return;
    Add(file, static_cast<int>(found - lines.begin()) + 1,
        "<expected> comes with \"base/result.h\", which makes it work with clang too");
  }

  void CheckWords(const std::string& file, const std::vector<std::string>& lines) {
    // In two halves, so that this file passes its own rule.
    static const std::array<std::string, 3> kWords{
        std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X"};
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const std::string& word : kWords) {
        if (HasWord(lines[i], word)) {
          Add(file, static_cast<int>(i) + 1,
              word + " does not stay on main: do it or open an issue");
        }
      }
      if (lines[i].find('\t') != std::string::npos && !file.ends_with(".sh")) {
        Add(file, static_cast<int>(i) + 1, "a tab");
      }
      if (!lines[i].empty() && (lines[i].back() == ' ' || lines[i].back() == '\r')) {
        Add(file, static_cast<int>(i) + 1, "white space at the end of the line");
      }
    }
  }

  void Add(const std::string& file, int line, std::string message) {
    findings_.push_back({file, line, std::move(message)});
  }

  fs::path root_;
  std::vector<Allowance> allowances_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<FunctionSpan> FindFunctions(const std::vector<std::string>& lines) {
  return FunctionFinder().Run(Stripper().Run(lines));
}

std::vector<Finding> CheckStyle(const fs::path& root) { return Checker(root).Run(); }

}  // namespace holdfast::tools
