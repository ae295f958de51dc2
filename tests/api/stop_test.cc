// A stop that is asked for while the engine still loads its model. A load without an end, so that
// only the signal can end it: one of the model's files is a pipe that nobody writes to.
#include <csignal>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

class StopWhileLoading : public ::testing::TestWithParam<int> {
 protected:
  StopWhileLoading() {
    WriteTinyModel(model_.path());
    const std::filesystem::path pipe = model_.path() / "tokenizer.json";
    std::filesystem::remove(pipe);
    CHECK(::mkfifo(pipe.c_str(), 0600) == 0);
  }
  TempFolder model_;
};

INSTANTIATE_TEST_SUITE_P(Signals, StopWhileLoading, ::testing::Values(SIGTERM, SIGINT));

TEST_P(StopWhileLoading, EndsTheEngineAtOnceAsANormalStop) {
  Service engine({"engine", "--model", model_.path(), "--listen", "127.0.0.1:0"}, {});
  ASSERT_TRUE(engine.WaitLog("loading ")) << engine.Log();
  engine.Signal(GetParam());
  EXPECT_EQ(engine.WaitEnd(), 0) << engine.Log();
  EXPECT_NE(engine.Log().find("stopped while loading"), std::string::npos) << engine.Log();
}

TEST_P(StopWhileLoading, IsNoCrashToTheSupervisor) {
  TempFolder run_dir;
  Service service({"up", "--model", model_.path(), "--listen", "127.0.0.1:0"},
                  {"HOLDFAST_UP_RUN_DIR=" + run_dir.path().string()});
  ASSERT_TRUE(service.WaitLog("listening on http://")) << service.Log();
  ASSERT_TRUE(service.WaitLog("loading ")) << service.Log();
  service.Signal(GetParam());
  EXPECT_EQ(service.WaitEnd(), 0) << service.Log();
  const std::string log = service.Log();
  for (const char* complaint : {"is killed", "ended with", "starting it again"}) {
    EXPECT_EQ(log.find(complaint), std::string::npos) << log;
  }
}

}  // namespace
}  // namespace holdfast::testing
