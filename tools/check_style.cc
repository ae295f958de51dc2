// check_style [ROOT]: lengths, header openings, words that must not stay; exit status 1 with
// findings.
#include "tools/style_rules.h"

int main(int argc, char** argv) {
  const std::filesystem::path root = argc > 1 ? argv[1] : ".";
  return holdfast::tools::Report("check_style", holdfast::tools::CheckStyle(root));
}
