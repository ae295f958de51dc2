// An engine misbehaves in every way we know: what the caller is told, and whether another engine
// takes over.
#include <string>
#include <vector>

#include "upstream/testing/pool_fixture.h"

namespace holdfast::upstream {
namespace {

using std::chrono::milliseconds;
using testing::ChatCall;
using testing::Outcome;
using testing::PatientLimits;
using testing::PoolFixture;
using testing::ScriptedEngine;
using testing::ScriptedRequest;
using testing::Wire;

constexpr std::string_view kOpening =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
constexpr std::string_view kText =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
constexpr std::string_view kFinish =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
constexpr std::string_view kUsage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
constexpr std::string_view kDone = "data: [DONE]\n\n";
constexpr std::string_view kWhole =
    R"({"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]})";

// Events in chunks, and no end.
bool SendEvents(Wire& wire, const std::vector<std::string_view>& events) {
  bool is_sent = wire.BeginEvents();
  for (const std::string_view event : events) is_sent = is_sent && wire.SendChunk(event);
  return is_sent;
}

bool AnswerWell(const ScriptedRequest& request, Wire& wire) {
  if (!request.body.contains("\"stream\":true")) return wire.SendJson(200, kWhole);
  return SendEvents(wire, {kOpening, kText, kFinish, kUsage, kDone}) && wire.EndEvents();
}

using Script = bool (*)(Wire&);

struct FaultCase {
  const char* name;
  Script script;
  FailureKind kind;
  bool moves_on;  // Another engine takes over, so that the caller sees nothing of it.
  bool has_begun = false;
  bool is_stream = true;
  void (*change)(PoolLimits&) = nullptr;
  int status = 0;
  std::string_view message = {};  // Of the engine's error.
};

bool Wait(Wire& wire) {
  wire.WaitGone();
  return false;
}

bool Refuse(Wire& wire, int status, std::string_view body) { return wire.SendJson(status, body); }

const FaultCase kFaults[] = {
    {"no head", [](Wire& wire) { return Wait(wire); }, FailureKind::kTimedOutHead, true, false,
     true, [](PoolLimits& limits) { limits.head_time_max = milliseconds(50); }},
    {"half a head",
     [](Wire& wire) { return wire.Send("HTTP/1.1 200 OK\r\nContent-") && Wait(wire); },
     FailureKind::kTimedOutHead, true, false, true,
     [](PoolLimits& limits) { limits.head_time_max = milliseconds(50); }},
    {"hangs up before it answers", [](Wire&) { return false; }, FailureKind::kBroken, true},
    {"resets before it answers",
     [](Wire& wire) {
       wire.Reset();
       return false;
     },
     FailureKind::kBroken, true},
    {"not HTTP", [](Wire& wire) { return wire.Send("hello there\r\n\r\n") && false; },
     FailureKind::kNotHttp, true},
    {"only interim answers",
     [](Wire& wire) {
       while (wire.Send("HTTP/1.1 100 Continue\r\n\r\n")) {
       }
       return false;
     },
     FailureKind::kNotHttp, true},
    {"endless head",
     [](Wire& wire) {
       bool is_sent = wire.Send("HTTP/1.1 200 OK\r\n");
       while (is_sent) is_sent = wire.Send("a: " + std::string(1'000, 'b') + "\r\n");
       return false;
     },
     FailureKind::kTooLarge, false},
    {"a web page", [](Wire& wire) { return wire.SendBody(200, "text/html", "<html>"); },
     FailureKind::kWrongContent, true},
    {"no content type", [](Wire& wire) { return wire.SendBody(200, "", "{}"); },
     FailureKind::kWrongContent, true},
    {"a redirect", [](Wire& wire) { return wire.SendBody(302, "text/html", ""); },
     FailureKind::kWrongContent, true, false, true, nullptr, 302},
    {"events that nobody asked for",
     [](Wire& wire) {
       return SendEvents(wire, {kText, kDone}) && wire.EndEvents();
     },
     FailureKind::kWrongContent, true, false, false},
    {"a body in place of events", [](Wire& wire) { return wire.SendJson(200, kWhole); },
     FailureKind::kWrongContent, true},
    {"a body that is not JSON", [](Wire& wire) { return wire.SendJson(200, "{\"choices\":"); },
     FailureKind::kWrongContent, true, false, false},
    {"400",
     [](Wire& wire) { return Refuse(wire, 400, R"({"error":{"message":"bad","param":"n"}})"); },
     FailureKind::kRefused, false, false, true, nullptr, 400, "bad"},
    {"422 of FastAPI", [](Wire& wire) { return Refuse(wire, 422, R"({"detail":"bad"})"); },
     FailureKind::kRefused, false, false, true, nullptr, 422, "bad"},
    {"401", [](Wire& wire) { return Refuse(wire, 401, R"({"error":{"message":"key"}})"); },
     FailureKind::kError, true, false, true, nullptr, 401, "key"},
    {"429", [](Wire& wire) { return Refuse(wire, 429, R"({"error":{"message":"full"}})"); },
     FailureKind::kBusy, true, false, true, nullptr, 429, "full"},
    {"503 draining",
     [](Wire& wire) {
       return Refuse(wire, 503, R"({"error":{"message":"d","reason":"draining"}})");
     },
     FailureKind::kBusy, true, false, true, nullptr, 503, "d"},
    {"500 without JSON", [](Wire& wire) { return wire.SendBody(500, "text/plain", "oops"); },
     FailureKind::kError, true, false, true, nullptr, 500},
    {"a refusal whose body never ends",
     [](Wire& wire) {
       return wire.SendHead(500, "text/plain", "Content-Length: 9\r\n") && wire.Send("a") && false;
     },
     FailureKind::kError, true, false, true, nullptr, 500},
    {"silence after the opening",
     [](Wire& wire) { return SendEvents(wire, {kOpening}) && Wait(wire); }, FailureKind::kSilent,
     true, false, true, [](PoolLimits& limits) { limits.silence_max = milliseconds(50); }},
    {"silence in the middle",
     [](Wire& wire) {
       return SendEvents(wire, {kOpening, kText}) && Wait(wire);
     },
     FailureKind::kSilent, false, true, true,
     [](PoolLimits& limits) { limits.silence_max = milliseconds(50); }},
    {"a whole answer that stops coming",
     [](Wire& wire) {
       return wire.SendHead(200, "application/json", "Content-Length: 99\r\n") && Wait(wire);
     },
     FailureKind::kSilent, true, false, false,
     [](PoolLimits& limits) { limits.silence_max = milliseconds(50); }},
    {"comments without end",
     [](Wire& wire) {
       bool is_sent = SendEvents(wire, {});
       while (is_sent && !wire.WaitGone(5)) is_sent = wire.SendChunk(": keep-alive\n\n");
       return false;
     },
     FailureKind::kTimedOutTotal, false, false, true,
     [](PoolLimits& limits) { limits.answer_time_max = milliseconds(100); }},
    {"cut after the opening", [](Wire& wire) { return SendEvents(wire, {kOpening}) && false; },
     FailureKind::kBroken, true},
    {"cut in the middle", [](Wire& wire) { return SendEvents(wire, {kText}) && false; },
     FailureKind::kBroken, false, true},
    {"cut inside a chunk",
     [](Wire& wire) {
       return SendEvents(wire, {kText}) && wire.Send("40\r\ndata: {\"ch") && false;
     },
     FailureKind::kBroken, false, true},
    {"a chunk without a length",
     [](Wire& wire) { return SendEvents(wire, {kText}) && wire.Send("zz\r\n") && Wait(wire); },
     FailureKind::kBroken, false, true},
    {"an orderly end without the answer's end",
     [](Wire& wire) { return SendEvents(wire, {kText}) && wire.EndEvents(); }, FailureKind::kBroken,
     false, true},
    {"a body that the connection's end should end, reset",
     [](Wire& wire) {
       const bool is_sent =
           wire.Send("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"choices\":[]");
       wire.Reset();
       return is_sent && false;
     },
     FailureKind::kBroken, true, false, false},
    {"events that a reset ends",
     [](Wire& wire) {
       const bool is_sent =
           wire.Send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n") &&
           wire.Send(kText) && wire.WaitGone(50) == false;
       wire.Reset();
       return is_sent && false;
     },
     FailureKind::kBroken, false, true},
    {"an event that is not JSON",
     [](Wire& wire) {
       return SendEvents(wire, {kText, "data: {]\n\n"}) && Wait(wire);
     },
     FailureKind::kBroken, false, true},
    {"an endless line",
     [](Wire& wire) {
       bool is_sent = SendEvents(wire, {kText});
       while (is_sent) is_sent = wire.SendChunk("data: " + std::string(1'000, 'x'));
       return false;
     },
     FailureKind::kTooLarge, false, true, true,
     [](PoolLimits& limits) { limits.event_bytes_max = 10'000; }},
    {"a body over the limit",
     [](Wire& wire) { return wire.SendJson(200, "\"" + std::string(9'000, 'x') + "\""); },
     FailureKind::kTooLarge, false, false, false,
     [](PoolLimits& limits) { limits.answer_bytes_max = 5'000; }},
    {"an error event before anything",
     [](Wire& wire) {
       return SendEvents(wire, {kOpening, "data: {\"error\":{\"message\":\"oom\"}}\n\n"}) &&
              wire.EndEvents();
     },
     FailureKind::kError, true, false, true, nullptr, 0, "oom"},
    {"an error event in the middle",
     [](Wire& wire) {
       return SendEvents(wire, {kText, "data: {\"error\":{\"message\":\"oom\"}}\n\n", kDone}) &&
              wire.EndEvents();
     },
     FailureKind::kError, false, true, true, nullptr, 0, "oom"},
    {"an error event about the request",
     [](Wire& wire) {
       return SendEvents(wire, {"data: {\"error\":{\"message\":\"long\",\"code\":400}}\n\n"}) &&
              wire.EndEvents();
     },
     FailureKind::kRefused, false, false, true, nullptr, 0, "long"},
    {"an error in a body of 200",
     [](Wire& wire) { return wire.SendJson(200, R"({"error":{"message":"oom"}})"); },
     FailureKind::kError, true, false, false, nullptr, 0, "oom"},
};

class PoolFault : public PoolFixture, public ::testing::WithParamInterface<FaultCase> {
 protected:
  static PoolLimits Limits() {
    PoolLimits limits = PatientLimits();
    limits.idle_connections_max = 0;  // A kept connection that breaks is tried anew.
    if (GetParam().change != nullptr) GetParam().change(limits);
    return limits;
  }
  static bool Misbehave(const ScriptedRequest&, Wire& wire) { return GetParam().script(wire); }
};

TEST_P(PoolFault, IsToldWhenThereIsNoOtherEngine) {
  const FaultCase& fault = GetParam();
  ScriptedEngine bad(Misbehave);
  bad.BeOurs({"m"}, /*running=*/0);
  Start({&bad}, Limits());
  Await(0, true);
  const Outcome outcome = Ask(ChatCall(fault.is_stream));
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(FailureWord(outcome.failure->kind), FailureWord(fault.kind))
      << outcome.failure->cause.message;
  EXPECT_EQ(outcome.failure->has_begun, fault.has_begun);
  EXPECT_EQ(outcome.failure->engine, "e0");
  EXPECT_EQ(outcome.failure->status, fault.status);
  const std::optional<EngineError>& error = outcome.failure->error;
  EXPECT_EQ(error ? error->message : std::string(), fault.message);
  EXPECT_EQ(bad.chats(), 1);
  EXPECT_EQ(pool_->Status()[0].failures, IsEngineFault(fault.kind) ? 1u : 0u);
  EXPECT_EQ(pool_->Status()[0].in_flight, 0u);
}

TEST_P(PoolFault, MovesOnWhileNothingWasGivenOutAndTheEngineIsAtFault) {
  const FaultCase& fault = GetParam();
  ScriptedEngine bad(Misbehave);
  bad.BeOurs({"m"}, /*running=*/0);
  ScriptedEngine good(AnswerWell);
  good.BeOurs({"m"}, /*running=*/50);  // So that the bad one is asked first.
  Start({&bad, &good}, Limits());
  Await(0, true);
  Await(1, true);
  const Outcome outcome = Ask(ChatCall(fault.is_stream));
  EXPECT_EQ(bad.chats(), 1);
  EXPECT_EQ(good.chats(), fault.moves_on ? 1 : 0);
  if (fault.moves_on) {
    ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
    EXPECT_EQ(outcome.text, "hi");
    EXPECT_EQ(outcome.engine, "e1");
  } else {
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(FailureWord(outcome.failure->kind), FailureWord(fault.kind));
    EXPECT_EQ(outcome.failure->has_begun, fault.has_begun);
  }
}

std::string NameOf(const ::testing::TestParamInfo<FaultCase>& info) {
  std::string name;
  for (const char c : std::string_view(info.param.name)) {
    name.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_');
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, PoolFault, ::testing::ValuesIn(kFaults), NameOf);

struct QuirkCase {
  const char* name;
  Script script;
  std::string_view text;
  std::string_view reasoning;
  std::int64_t completion;
  bool is_estimated;
};

const QuirkCase kQuirks[] = {
    {"ours",
     [](Wire& wire) {
       return SendEvents(wire, {kOpening, kText, kFinish, kUsage, kDone}) && wire.EndEvents();
     },
     "hi", "", 1, false},
    {"no DONE",
     [](Wire& wire) {
       return SendEvents(wire, {kText, kFinish}) && wire.EndEvents();
     },
     "hi", "", 1, true},
    {"finished and cut",
     [](Wire& wire) {
       return SendEvents(wire, {kText, kFinish}) && false;
     },
     "hi", "", 1, true},
    {"closed by the connection",
     [](Wire& wire) {
       return wire.Send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n") &&
              wire.Send(kText) && wire.Send(kFinish) && wire.Send("data: [DONE]") && false;
     },
     "hi", "", 1, true},
    {"CRLF, names and two data lines",
     [](Wire& wire) {
       return SendEvents(wire, {": hello\r\n\r\nevent: chunk\r\ndata: {\"choices\":\r\n",
                                "data: [{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\r\n\r", "\n",
                                kFinish, kDone}) &&
              wire.EndEvents();
     },
     "hi", "", 1, true},
    {"thoughts of others",
     [](Wire& wire) {
       return SendEvents(
                  wire, {"data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"hm\"}}]}\n\n",
                         kText, kFinish, kDone}) &&
              wire.EndEvents();
     },
     "hi", "hm", 2, true},
    {"byte by byte",
     [](Wire& wire) {
       bool is_sent = wire.BeginEvents();
       for (const std::string_view event : {kOpening, kText, kFinish, kUsage, kDone}) {
         for (const char c : event) is_sent = is_sent && wire.SendChunk(std::string_view(&c, 1));
       }
       return is_sent && wire.EndEvents();
     },
     "hi", "", 1, false},
};

class PoolQuirk : public PoolFixture, public ::testing::WithParamInterface<QuirkCase> {};

TEST_P(PoolQuirk, OfOtherEnginesIsACompleteAnswer) {
  const QuirkCase& quirk = GetParam();
  ScriptedEngine engine([&](const ScriptedRequest&, Wire& wire) { return quirk.script(wire); });
  engine.BeOurs({"m"}, 0);
  Start({&engine}, PatientLimits());
  Await(0, true);
  const Outcome outcome = Ask(ChatCall(true));
  ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
  EXPECT_EQ(outcome.text, quirk.text);
  EXPECT_EQ(outcome.reasoning, quirk.reasoning);
  EXPECT_EQ(outcome.usage.is_estimated, quirk.is_estimated);
  EXPECT_EQ(outcome.usage.completion, quirk.completion);
  EXPECT_TRUE(outcome.is_done);
  EXPECT_EQ(outcome.client_bytes.find("\"usage\""), std::string::npos)
      << "the client did not ask for it";
  EXPECT_EQ(pool_->Status()[0].answers, 1u);
}

INSTANTIATE_TEST_SUITE_P(Every, PoolQuirk, ::testing::ValuesIn(kQuirks),
                         [](const ::testing::TestParamInfo<QuirkCase>& info) {
                           std::string name;
                           for (const char c : std::string_view(info.param.name)) {
                             const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
                             name.push_back(is_plain ? c : '_');
                           }
                           return name;
                         });

}  // namespace
}  // namespace holdfast::upstream
