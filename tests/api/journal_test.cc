// What a kill of the whole gateway costs the journal, over real sockets: the last second at most,
// and the next start marks the gap.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/service.h"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kBody =
    R"({"model":"scripted","messages":[{"role":"user","content":"hello"}],"max_tokens":1})";

class Journal : public ::testing::Test {
 protected:
  std::filesystem::path folder() const { return state_.path() / "journal"; }

  std::unique_ptr<Service> StartGateway() const {
    return std::make_unique<Service>(
        std::vector<std::string>{"gateway", "--listen", "127.0.0.1:0", "--engine", engine_at_},
        std::vector<std::string>{"HOLDFAST_UP_STATE_DIR=" + state_.path().string(),
                                 "HOLDFAST_ACCOUNTS_ANONYMOUS=everyone"});
  }

  // The lines that `holdfast journal print` writes, and that the folder is sound.
  std::vector<json::Value> Rows() const {
    Service check({"journal", "check", folder()}, {});
    EXPECT_EQ(check.WaitEnd(), 0) << check.Log();
    Service print({"journal", "print", "--json", folder()}, {});
    EXPECT_EQ(print.WaitEnd(), 0);
    std::vector<json::Value> rows;
    std::istringstream lines(print.Log());
    for (std::string line; std::getline(lines, line);) rows.push_back(json::Parse(line).value());
    return rows;
  }

  TempFolder state_;
  Service engine_{{"drill", "live", "engine", "--listen", "127.0.0.1:0"}, {}};
  std::string engine_at_;

  void SetUp() override {
    const auto url = engine_.WaitLog("a scripted engine listens on ");
    ASSERT_TRUE(url) << engine_.Log();
    engine_at_ = "127.0.0.1:" + std::to_string(PortIn(*url));
  }
};

std::size_t CountOf(const std::vector<json::Value>& rows, std::string_view kind) {
  return static_cast<std::size_t>(std::ranges::count_if(
      rows, [kind](const json::Value& row) { return row.at("row").as_string() == kind; }));
}

TEST_F(Journal, LosesTheLastSecondAtMostWhereTheGatewayIsKilled) {
  std::unique_ptr<Service> gateway = StartGateway();
  const auto url = gateway->WaitLog("listening on http://");
  ASSERT_TRUE(url) << gateway->Log();
  const int port = PortIn(*url);
  std::vector<SteadyClock::time_point> answered;
  const auto begin = SteadyClock::now();
  while (SteadyClock::now() - begin < 3s) {
    const Response answer = Post(port, "/v1/chat/completions", kBody);
    if (answer.status == 200) answered.push_back(SteadyClock::now());
  }
  const auto killed = SteadyClock::now();
  gateway->Signal(SIGKILL);
  gateway->WaitEnd();
  const auto due = static_cast<std::size_t>(std::ranges::count_if(
      answered, [killed](SteadyClock::time_point at) { return killed - at > 1s; }));
  ASSERT_GT(due, 5u) << gateway->Log();

  const std::vector<json::Value> before = Rows();
  EXPECT_GE(CountOf(before, "asked"), due);
  EXPECT_GE(CountOf(before, "ended"), due);
  EXPECT_LE(CountOf(before, "ended"), answered.size());

  gateway = StartGateway();
  ASSERT_TRUE(gateway->WaitLog("listening on http://")) << gateway->Log();
  gateway->Signal(SIGTERM);
  EXPECT_EQ(gateway->WaitEnd(), 0);
  const std::vector<json::Value> after = Rows();
  EXPECT_GE(CountOf(after, "asked"), CountOf(before, "asked")) << "nothing is taken back";
  EXPECT_GE(CountOf(after, "gap"), 1u);
}

}  // namespace
}  // namespace holdfast::testing
