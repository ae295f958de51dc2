// A whole service on the tiny model: supervisor, engine and gateway. Single-threaded.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "api/running_engine.h"

namespace holdfast::testing {

// `holdfast up` on the tiny model.
class RunningService {
 public:
  explicit RunningService(std::vector<std::string> variables = {}) {
    WriteTinyModel(model_.path());
    variables.push_back("HOLDFAST_UP_RUN_DIR=" + run_dir_.path().string());
    variables.push_back("HOLDFAST_UP_DRAIN_SECONDS_MAX=10");
    service =
        std::make_unique<Service>(std::vector<std::string>{"up", "--model", model_.path(), "--name",
                                                           "tiny", "--listen", "127.0.0.1:0"},
                                  std::move(variables));
    const auto url = service->WaitLog("listening on http://");
    CHECK_MSG(url && service->WaitLog("the engine is up"), "it did not start:\n{}", service->Log());
    port = PortIn(*url);
  }

  // Process id of the engine's `count`-th life.
  pid_t EnginePid(int count) {
    const auto text = service->WaitLog("started the engine, process ", count);
    CHECK(text.has_value());
    return std::atoi(text->c_str());
  }

  std::unique_ptr<Service> service;
  int port = 0;

 private:
  TempFolder model_;
  TempFolder run_dir_;
};

}  // namespace holdfast::testing
