// Room rules: reads the add_room calls of src/CMakeLists.txt and holds every include to them.
// Free functions on a directory tree; single-threaded.
//
// A room includes itself, `base` and the rooms it lists, which must be on lower floors; a
// third-party header is included in its home room only; room/internal/ is the room's own. Code
// outside src/ (apps, tests, bench, fuzz) may include any room but no internals. Test libraries are
// for x_test.cc, tests/ and headers whose opening comment says "tests only".
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/finding.h"

namespace holdfast::tools {

struct Room {
  int floor = -1;  // Of the last "# Floor N" comment above the call.
  int line = 0;
  std::set<std::string> uses;
};

// The rooms of one src/CMakeLists.txt; findings are about the list itself.
std::map<std::string, Room> ParseRooms(const std::filesystem::path& root,
                                       std::vector<Finding>& findings);

std::vector<Finding> CheckRooms(const std::filesystem::path& root);

}  // namespace holdfast::tools
