// check_rooms [ROOT]: holds every include to the list of rooms; exit status 1 with findings.
#include "tools/room_rules.h"

int main(int argc, char** argv) {
  const std::filesystem::path root = argc > 1 ? argv[1] : ".";
  return holdfast::tools::Report("check_rooms", holdfast::tools::CheckRooms(root));
}
