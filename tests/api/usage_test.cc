// What an answer that is cut off is charged, over real sockets: the prompt and the tokens as the
// engine had counted them with the last event that was relayed, once.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

// An engine, and a gateway before it that can be killed and started again.
class Usage : public ::testing::Test {
 protected:
  Usage() {
    StartGateway();
    Browser ada(port_);
    EXPECT_EQ(ada.Register("ada").status, 201) << gateway_->Log();
    cookie_ = ada.cookie();
    key_ = ada.Send("POST", "/api/me/keys", R"({"name":"k"})").Json().at("key").as_string();
  }

  void StartGateway() {
    std::vector<std::string> settings = AccountSettings("open");
    settings.push_back("HOLDFAST_UP_STATE_DIR=" + state_.path().string());
    settings.push_back("HOLDFAST_UP_DRAIN_SECONDS_MAX=1");
    gateway_ = std::make_unique<Service>(
        std::vector<std::string>{"gateway", "--listen", "127.0.0.1:0", "--engine",
                                 fmt::format("http://127.0.0.1:{}", engine_.port())},
        std::move(settings));
    const auto url = gateway_->WaitLog("listening on http://");
    CHECK_MSG(url.has_value(), "it did not start:\n{}", gateway_->Log());
    port_ = PortIn(*url);
  }
  void KillGateway() {
    gateway_->Signal(SIGKILL);
    gateway_->WaitEnd();
  }
  void AwaitEngine() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (Get(port_, "/health").Json().at("engine").at("state") == "up") return;
    }
    ADD_FAILURE() << gateway_->Log();
  }

  // An answer without an end, of which some tokens have come.
  void Begin(Connection& stream, std::string_view stream_options) {
    AwaitEngine();
    const std::string body =
        ChatBody(fmt::format(R"({},"max_tokens":4000,"stream":true{})", kNoEnd, stream_options));
    stream.Send(ChatText(key_, body));
    while (LastTotal(stream.pending()) <= 20) ASSERT_TRUE(stream.ReadMore()) << stream.pending();
  }
  // The engine makes no more tokens, and those that it has made are with the client.
  void Freeze(Connection& stream) {
    engine_.service().Signal(SIGSTOP);
    constexpr int kRounds = 20;
    for (int i = 0; i < kRounds; ++i) {
      Get(port_, "/api/me");
      stream.ReadWhatHasCome();
    }
  }
  static std::int64_t LastTotal(std::string_view events) {
    constexpr std::string_view kName = "\"total_tokens\":";
    const std::size_t at = events.rfind(kName);
    if (at == std::string_view::npos) return -1;
    return std::atoll(std::string(events.substr(at + kName.size(), 12)).c_str());
  }

  std::int64_t Used() {
    Browser ada(port_);
    ada.SetCookie(cookie_);
    return ada.Send("GET", "/api/me/usage").Json().at("tokens_today").as_int64();
  }
  // An answer is charged a moment after its end.
  void ExpectUsed(std::int64_t tokens) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (Used() == 0 && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(Used(), tokens);
  }

  TempFolder state_;
  RunningEngine engine_;
  std::unique_ptr<Service> gateway_;
  int port_ = 0;
  std::string cookie_;
  std::string key_;
};

constexpr std::string_view kRunningUsage = R"(,"stream_options":{"continuous_usage_stats":true})";

TEST_F(Usage, OfAnAnswerWhoseEngineIsKilledIsWhatItHadCounted) {
  Connection stream(port_);
  Begin(stream, kRunningUsage);
  engine_.service().Signal(SIGKILL);
  const Response cut = stream.Read();
  EXPECT_NE(cut.body.find("engine_restarting"), std::string::npos) << cut.body;
  EXPECT_GT(LastTotal(cut.body), 20);
  ExpectUsed(LastTotal(cut.body));
}

TEST_F(Usage, OfAnAnswerWhoseGatewayIsKilledIsWhatTheEngineHadCountedOnce) {
  Connection stream(port_);
  Begin(stream, kRunningUsage);
  Freeze(stream);
  KillGateway();
  stream.ReadToEnd();
  const std::int64_t seen = LastTotal(stream.pending());
  EXPECT_GT(seen, 20);
  for (int life = 2; life <= 3; ++life) {
    StartGateway();
    EXPECT_EQ(Used(), seen) << "life " << life << gateway_->Log();
    KillGateway();
  }
}

TEST_F(Usage, OfAnAnswerWhoseClientLeavesIsWhatTheEngineHadCounted) {
  Connection stream(port_);
  Begin(stream, kRunningUsage);
  Freeze(stream);
  const std::int64_t seen = LastTotal(stream.pending());
  EXPECT_GT(seen, 20);
  stream.Close();
  ExpectUsed(seen);
}

TEST_F(Usage, IsNotToldToAClientThatDidNotAsk) {
  AwaitEngine();
  struct Case {
    std::string_view options;
    std::size_t events_with_counts;
    bool has_nulls;
  };
  for (const Case& one :
       {Case{"", 0, false}, Case{R"(,"stream_options":{"include_usage":true})", 1, true}}) {
    const std::string body =
        ChatBody(fmt::format(R"({},"max_tokens":9,"stream":true{})", kNoEnd, one.options));
    Connection stream(port_);
    stream.Send(ChatText(key_, body));
    const Response answer = stream.Read();
    ASSERT_EQ(answer.status, 200) << answer.body;
    std::size_t with_counts = 0;
    for (const json::Value& event : Events(answer.body)) {
      if (!event.is_object()) continue;
      const json::Value* const usage = event.as_object().if_contains("usage");
      EXPECT_EQ(usage != nullptr, one.has_nulls) << answer.body;
      if (usage != nullptr && usage->is_object()) ++with_counts;
    }
    EXPECT_EQ(with_counts, one.events_with_counts) << answer.body;
  }
}

}  // namespace
}  // namespace holdfast::testing
