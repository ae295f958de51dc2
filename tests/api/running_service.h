// A whole service on the tiny model: supervisor, engine and gateway. Single-threaded.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "api/running_engine.h"
#include "store/testing/postgres_server.h"

namespace holdfast::testing {

inline std::string NewPostgresDatabase() {
  store::testing::PostgresServer* const server = store::testing::PostgresServer::Shared();
  CHECK_MSG(server != nullptr, "no PostgreSQL");
  const Result<std::string> url = server->NewDatabase();
  CHECK_MSG(url.has_value(), "{}", url.error().message);
  return *url;
}

// `holdfast up` on the tiny model; with HOLDFAST_TEST_POSTGRES on an empty database of PostgreSQL.
class RunningService {
 public:
  explicit RunningService(std::vector<std::string> variables = {}) {
    WriteTinyModel(model_.path());
    variables.push_back("HOLDFAST_UP_RUN_DIR=" + run_dir_.path().string());
    if (std::getenv("HOLDFAST_TEST_POSTGRES") != nullptr) {
      variables.push_back("HOLDFAST_ACCOUNTS_DATABASE=" + NewPostgresDatabase());
    }
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
