// holdfast inspect MODEL: prints architecture, tensors, types and sizes.
#include <CLI/CLI.hpp>

#include "holdfast/verbs.h"

namespace holdfast {

void AddInspect(CLI::App& app, int&) {
  app.add_subcommand("inspect", "Print a model's architecture, tensors, types and sizes");
}

}  // namespace holdfast
