// An engine process on the tiny model, shared by the tests of one program; it is started once,
// because starting it is most of a test's time.
#pragma once

#include <optional>
#include <string>

#include "api/service.h"
#include "api/tiny_model.h"
#include "base/check.h"

namespace holdfast::testing {

// Fields for an answer that goes on to its limit, whatever the random weights would say.
inline const std::string kNoEnd = fmt::format(R"("logit_bias":{{"{}":-100}})", kTinyEos);

inline std::string ChatBody(std::string_view more) {
  return fmt::format(R"({{"model":"tiny","messages":[{{"role":"user","content":"hello"}}],{}}})",
                     more);
}

class RunningEngine {
 public:
  RunningEngine(std::vector<std::string> variables = {}, int context = kTinyContext) {
    WriteTinyModel(model_.path(), context);
    variables.push_back("HOLDFAST_UP_DRAIN_SECONDS_MAX=10");  // The first of a name counts.
    service_.emplace(std::vector<std::string>{"engine", "--model", model_.path(), "--name", "tiny",
                                              "--listen", "127.0.0.1:0"},
                     std::move(variables));
    const std::optional<std::string> endpoint = service_->WaitLog("serving 'tiny' on ");
    CHECK_MSG(endpoint.has_value(), "the engine did not start:\n{}", service_->Log());
    port_ = PortIn(*endpoint);
  }

  int port() const { return port_; }
  Service& service() { return *service_; }

 private:
  TempFolder model_;
  std::optional<Service> service_;
  int port_ = 0;
};

// Waits until /health says that nothing runs or waits.
inline bool BecomesIdle(int port) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const json::Value health = Get(port, "/health").Json();
    if (health.is_object() && health.at("running") == 0 && health.at("waiting") == 0 &&
        health.at("blocks_free") == health.at("blocks_total")) {
      return true;
    }
  }
  return false;
}

}  // namespace holdfast::testing
