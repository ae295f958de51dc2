#include "tools/room_rules.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <regex>

namespace holdfast::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRoomList = "src/CMakeLists.txt";

// Where each library may be included: a prefix of the header and its home. "apps" is the folder;
// "tests" is every test, wherever it lies; "*" is everywhere. The longest prefix counts.
struct Library {
  std::string prefix;
  std::set<std::string> homes;
};
const std::vector<Library>& Libraries() {
  static const std::vector<Library> kLibraries{
      {"fmt/", {"*"}},
      {"spdlog/", {"base"}},
      {"boost/json", {"json"}},
      {"boost/asio", {"net", "http"}},  // http speaks in the stream types that net offers.
      {"boost/beast", {"http"}},
      {"boost/system/", {"json", "net", "http"}},
      {"openssl/", {"net", "bench"}},
      // Authenticator apps take HMAC-SHA1, which libsodium rightly has not.
      {"openssl/evp.h", {"net", "bench", "crypto"}},
      {"openssl/hmac.h", {"crypto"}},
      // Signatures that others make (RSA, ECDSA on P-256) are of kinds libsodium has not.
      {"openssl/bn.h", {"crypto"}},
      {"openssl/core_names.h", {"crypto"}},
      {"openssl/ecdsa.h", {"crypto"}},
      {"openssl/err.h", {"net", "bench", "crypto"}},
      {"openssl/param_build.h", {"crypto"}},
      {"hwy/", {"kernels"}},
      {"dnnl", {"kernels"}},
      {"oneapi/", {"kernels"}},
      {"prometheus/", {"metrics"}},
      {"sodium", {"crypto"}},
      {"fido.h", {"crypto"}},
      {"fido/", {"crypto"}},
      {"soci/", {"store"}},
      {"curl/", {"mail"}},
      {"zxcvbn", {"accounts"}},
      {"qrcodegen/", {"api"}},
      {"zip.h", {"archives"}},
      {"seccomp.h", {"sandbox"}},
      {"nftables/", {"push_down"}},
      {"pcre2", {"tokenizer"}},
      {"zstd", {"trainer"}},
      {"toml++/", {"server", "trainer"}},
      {"toml.h", {"server", "trainer"}},
      {"CLI/", {"apps"}},
      {"gtest/", {"tests"}},
      {"gmock/", {"tests"}},
      {"benchmark/", {"bench"}},
  };
  return kLibraries;
}

// Folders of the operating system's headers.
bool IsSystemHeader(const std::string& header) {
  if (header.find('/') == std::string::npos) return true;  // <vector>, <unistd.h>
  for (const char* folder : {"sys/", "linux/", "netinet/", "arpa/", "asm/", "sanitizer/"}) {
    if (header.starts_with(folder)) return true;
  }
  return false;
}

const Library* FindLibrary(const std::string& header) {
  const Library* found = nullptr;
  for (const Library& library : Libraries()) {
    if (!header.starts_with(library.prefix)) continue;
    if (found == nullptr || library.prefix.size() > found->prefix.size()) found = &library;
  }
  return found;
}

std::string FirstPart(const std::string& path) { return path.substr(0, path.find('/')); }

std::string Join(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "nothing" : text;
}

struct Include {
  int line;
  bool is_quoted;
  std::string header;
};

std::vector<Include> ReadIncludes(const fs::path& path) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  const std::vector<std::string> lines = ReadLines(path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(lines[i], match, kInclude)) continue;
    includes.push_back({static_cast<int>(i) + 1, match[1] == "\"", match[2]});
  }
  return includes;
}

// A header whose opening comment says that it is for tests only
bool IsTestSupport(const fs::path& path) {
  for (const std::string& line : ReadLines(path)) {
    if (!line.starts_with("//")) return false;
    if (line.find("ests only") != std::string::npos) return true;
  }
  return false;
}

class Checker {
 public:
  explicit Checker(const fs::path& root) : root_(root) { rooms_ = ParseRooms(root, findings_); }

  std::vector<Finding> Run() {
    CheckList();
    for (const char* folder : {"src", "apps", "tests", "bench", "fuzz"}) {
      for (const fs::path& file : ListFiles(root_, folder, {".h", ".cc"})) CheckFile(file);
    }
    return std::move(findings_);
  }

 private:
  // Each room uses known rooms of lower floors.
  void CheckList() {
    for (const auto& [name, room] : rooms_) {
      for (const std::string& used : room.uses) {
        const auto found = rooms_.find(used);
        if (found == rooms_.end()) {
          Add(kRoomList, room.line, "room '" + name + "' uses the unknown room '" + used + "'");
        } else if (found->second.floor >= room.floor) {
          Add(kRoomList, room.line,
              "room '" + name + "' on floor " + std::to_string(room.floor) + " uses '" + used +
                  "' on floor " + std::to_string(found->second.floor) + ", which is not lower");
        }
      }
    }
  }

  void CheckFile(const fs::path& file) {
    const std::string name = file.string();
    const std::string folder = FirstPart(name);
    // Where the file stands: a room of src/, or a folder beside it.
    std::string place = folder;
    if (folder == "src") {
      if (std::distance(file.begin(), file.end()) < 3) {
        Add(name, 1, "a source file in src/ itself, in no room");
        return;
      }
      place = std::next(file.begin())->string();
      if (!rooms_.contains(place)) {
        Add(name, 1, "folder src/" + place + " is not a room: add_room is missing");
        return;
      }
    }
    const bool is_test =
        folder == "tests" || name.ends_with("_test.cc") || IsTestSupport(root_ / file);
    for (const Include& include : ReadIncludes(root_ / file)) {
      if (include.is_quoted) {
        CheckOwnHeader(name, folder == "src", place, include);
      } else {
        CheckLibraryHeader(name, place, is_test, include);
      }
    }
  }

  void CheckOwnHeader(const std::string& file, bool is_in_room, const std::string& place,
                      const Include& include) {
    const std::string target = FirstPart(include.header);
    if (!rooms_.contains(target)) {
      const bool is_own = !is_in_room && (fs::exists(root_ / include.header) ||
                                          fs::exists(root_ / place / include.header));
      if (!is_own) {
        Add(file, include.line,
            "\"" + include.header + "\" does not begin with a room (includes are rooted at src/)");
      }
      return;
    }
    if (target != place && include.header.find("/internal/") != std::string::npos) {
      Add(file, include.line, "\"" + include.header + "\" is internal to '" + target + "'");
      return;
    }
    if (!is_in_room || target == place || target == "base") return;
    const Room& room = rooms_.at(place);
    if (room.uses.contains(target)) return;
    const Room& other = rooms_.at(target);
    Add(file, include.line,
        other.floor >= room.floor
            ? "upward include: '" + place + "' (floor " + std::to_string(room.floor) +
                  ") includes '" + target + "' (floor " + std::to_string(other.floor) + ")"
            : "room '" + place + "' does not list '" + target + "' (it lists " + Join(room.uses) +
                  ")");
  }

  void CheckLibraryHeader(const std::string& file, const std::string& place, bool is_test,
                          const Include& include) {
    if (rooms_.contains(FirstPart(include.header)) && fs::exists(root_ / "src" / include.header)) {
      Add(file, include.line, "<" + include.header + "> is ours: include it in quotes");
      return;
    }
    const Library* library = FindLibrary(include.header);
    if (library == nullptr) {
      if (!IsSystemHeader(include.header)) {
        Add(file, include.line,
            "<" + include.header + "> is of a library without a home room (tools/room_rules.cc)");
      }
      return;
    }
    const std::set<std::string>& homes = library->homes;
    if (homes.contains("*") || homes.contains(place) || (is_test && homes.contains("tests"))) {
      return;
    }
    Add(file, include.line, "<" + include.header + "> is at home in " + Join(homes) + " only");
  }

  void Add(const std::string& file, int line, std::string message) {
    findings_.push_back({file, line, std::move(message)});
  }

  fs::path root_;
  std::map<std::string, Room> rooms_;
  std::vector<Finding> findings_;
};

// The words of the add_room call that begins at lines[at], up to its closing parenthesis.
std::vector<std::string> CallWords(const std::vector<std::string>& lines, std::size_t at) {
  std::string text;
  for (std::size_t i = at; i < lines.size(); ++i) {
    text += lines[i].substr(0, lines[i].find('#')) + " ";
    if (lines[i].find(')') != std::string::npos) break;
  }
  const std::size_t open = text.find('(');
  const std::size_t close = text.find(')', open);
  std::vector<std::string> words;
  std::istringstream stream(text.substr(open + 1, close - open - 1));
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

std::map<std::string, Room> ParseRooms(const fs::path& root, std::vector<Finding>& findings) {
  static const std::regex kFloor(R"(^\s*#\s*Floor\s+(\d+))");
  static const std::regex kCall(R"(^\s*add_room\s*\()");
  std::map<std::string, Room> rooms;
  const std::vector<std::string> lines = ReadLines(root / kRoomList);
  int floor = -1;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, kFloor)) floor = std::stoi(match[1]);
    if (!std::regex_search(lines[i], kCall)) continue;
    const int line = static_cast<int>(i) + 1;
    const std::vector<std::string> words = CallWords(lines, i);
    if (words.empty()) {
      findings.push_back({kRoomList, line, "add_room without a name"});
      continue;
    }
    Room room{floor, line, {}};
    bool is_in_uses = false;
    for (std::size_t w = 1; w < words.size(); ++w) {
      if (words[w] == "USES" || words[w] == "LIBS") {
        is_in_uses = words[w] == "USES";
      } else if (is_in_uses) {
        room.uses.insert(words[w]);
      }
    }
    if (floor < 0) findings.push_back({kRoomList, line, "add_room above the first floor"});
    if (!rooms.emplace(words[0], room).second) {
      findings.push_back({kRoomList, line, "room '" + words[0] + "' is listed twice"});
    }
  }
  if (rooms.empty()) findings.push_back({kRoomList, 1, "no add_room call"});
  return rooms;
}

std::vector<Finding> CheckRooms(const fs::path& root) { return Checker(root).Run(); }

}  // namespace holdfast::tools
