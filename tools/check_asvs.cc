// check_asvs [ROOT]: holds docs/asvs.md and its companions to the tests and files that they name;
// exit status 1 with findings.
#include "tools/asvs_rules.h"

int main(int argc, char** argv) {
  const std::filesystem::path root = argc > 1 ? argv[1] : ".";
  return holdfast::tools::Report("check_asvs", holdfast::tools::CheckAsvs(root));
}
