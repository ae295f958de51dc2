// The endpoints of conversations over real sockets: a database, a pool and an engine that says one
// word each time it is allowed to. Who asks is said by a header; that is the pipeline's elsewhere.
#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/conversations/endpoints.h"
#include "api/reply.h"
#include "conversations/import_job.h"
#include "http/client.h"
#include "http/router.h"
#include "http/server.h"
#include "net/io_threads.h"
#include "sandbox/testing/test_main.h"
#include "upstream/testing/pool_fixture.h"

namespace holdfast::api {
namespace {

using std::chrono::milliseconds;
using upstream::testing::kPatience;
using upstream::testing::ScriptedEngine;
using upstream::testing::ScriptedRequest;
using upstream::testing::Wire;

constexpr sandbox::Job kJobs[] = {conversations::kImportJob};

Result<std::shared_ptr<const crypto::DataKey>> KeyOf(std::string_view) {
  static const auto key = std::make_shared<const crypto::DataKey>(crypto::DataKey::Random());
  return key;
}

std::string Text(const json::Object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

struct Answer {
  int status = 0;
  std::string body;
  json::Value value;

  const json::Object& object() const { return value.as_object(); }
  std::string Text(std::string_view key) const { return api::Text(object(), key); }
};

struct Question {
  http::Method method = http::Method::kGet;
  std::string target;
  std::string body = {};
  std::string account = "ada";
  // The client leaves as soon as it has read this; empty: it reads to the end.
  std::string leaves_at = {};
};

net::Awaitable<void> Ask(net::Endpoint endpoint, Question question, std::promise<Answer>& promise) {
  const net::TimePoint deadline = net::Clock::now() + kPatience;
  http::ClientRequest request;
  request.method = question.method;
  request.target = question.target;
  request.headers = {{"x-account", question.account}, {"content-type", "application/json"}};
  request.body = question.body;
  Answer answer;
  {
    http::ClientCall call;
    const Result<void> started = co_await call.Start(endpoint, request, deadline);
    EXPECT_TRUE(started) << started.error().message;
    answer.status = started ? call.head().status : 0;
    while (started && !call.is_done()) {
      const Result<std::string> part = co_await call.ReadPart(deadline);
      if (!part || part->empty()) break;
      answer.body += *part;
      if (!question.leaves_at.empty() && answer.body.contains(question.leaves_at)) break;
    }
  }
  if (auto value = json::Parse(answer.body)) answer.value = std::move(*value);
  promise.set_value(std::move(answer));
}

// The texts of an answer's events, joined.
std::string TextOf(const std::string& events) {
  std::string text;
  for (std::size_t at = events.find("data: {"); at != std::string::npos;
       at = events.find("data: {", at + 1)) {
    const auto event = json::Parse(events.substr(at + 6, events.find('\n', at) - at - 6));
    if (!event) continue;
    const json::Value* const choices = json::Find(event->as_object(), "choices");
    if (choices == nullptr || choices->as_array().empty()) continue;
    const json::Object& delta = choices->as_array()[0].as_object().at("delta").as_object();
    if (const json::Value* const content = json::Find(delta, "content")) {
      text += content->as_string();
    }
  }
  return text;
}

json::Object FirstEvent(const std::string& events) {
  const auto event = json::Parse(events.substr(6, events.find('\n') - 6));
  EXPECT_TRUE(event) << events;
  return event ? event->as_object() : json::Object();
}

std::string AnswerId(const std::string& events) {
  return Text(FirstEvent(events).at("answer").as_object(), "id");
}

// A word of the engine is so many tokens, where it tells.
constexpr std::int64_t kTokensOfAWord = 4;

class ConversationApiTest : public ::testing::Test {
 protected:
  ConversationApiTest()
      : folder_(MakeFolder()),
        engine_([this](const ScriptedRequest&, Wire& wire) { return Speak(wire); }) {
    engine_.BeOurs({"m"}, 0);
    database_ = *store::Database::Open({.url = "sqlite:" + (folder_ / "a.db").string()});
    StartPool();
    service_ = std::make_unique<ConversationService>(
        *database_, KeyOf, [this] { return ++now_ms_; }, blocking_, *pool_, *sandbox_,
        ConversationRules{});
    EXPECT_TRUE(service_->Open());
    endpoints_ =
        ConversationEndpoints(*service_, {.body_bytes_max = 1 << 20, .import_bytes_max = 1 << 20});
    for (const Endpoint& endpoint : endpoints_) router_.Add({endpoint.method, endpoint.pattern});
    server_ = std::make_unique<http::Server>(
        threads_, http::ServerOptions(),
        [this](http::Exchange& exchange) { return Serve(exchange); },
        [](http::Exchange&, const http::Refusal&) -> net::Awaitable<void> { co_return; });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
  }
  ~ConversationApiTest() override {
    Allow(1'000'000);
    callers_.Stop();
    service_->hub.StopAll();
    server_->Drain(milliseconds(2'000));
    service_->importing.Stop();
    blocking_.Stop();
    threads_.Stop();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static std::filesystem::path MakeFolder() {
    char pattern[] = "/tmp/holdfast-conversation-api-XXXXXX";
    return ::mkdtemp(pattern);
  }

  void StartPool() {
    std::vector<upstream::EngineSpec> specs(1);
    specs[0].name = "e0";
    specs[0].url = engine_.url();
    pool_ = *upstream::Pool::Make(std::move(specs), upstream::testing::PatientLimits(), registry_);
    std::promise<void> up;
    threads_.Spawn(0, pool_->Watch(0, [&up, is_told = false](bool is_up) mutable {
      if (is_up && !std::exchange(is_told, true)) up.set_value();
    }));
    EXPECT_EQ(up.get_future().wait_for(kPatience), std::future_status::ready);
  }

  // One word each time it is allowed to; then the end, or a broken connection.
  bool Speak(Wire& wire) {
    bool is_sent = wire.BeginEvents();
    for (int i = 0; is_sent && i < words_; ++i) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return allowed_ > 0; });
      --allowed_;
      lock.unlock();
      const std::string usage = fmt::format(
          ",\"usage\":{{\"prompt_tokens\":30,\"completion_tokens\":{}}}", kTokensOfAWord * (i + 1));
      is_sent = wire.SendChunk(fmt::format(
          "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"w{} \"}}}}]{}}}\n\n", i,
          tells_usage_ ? usage : ""));
    }
    if (breaks_) return false;
    return is_sent && wire.SendChunk("data: [DONE]\n\n") && wire.EndEvents();
  }
  void Allow(int words) {
    const std::lock_guard lock(mutex_);
    allowed_ += words;
    changed_.notify_all();
  }

  net::Awaitable<void> Serve(http::Exchange& exchange) {
    Reply reply(exchange, "r-1");
    const ApiResult<void> ended = co_await Run(exchange, reply);
    if (!ended) co_await reply.Fail(ended.error());
    ++served_;
  }
  net::Awaitable<ApiResult<void>> Run(http::Exchange& exchange, Reply& reply) {
    const http::RequestHead& head = exchange.head();
    auto found = router_.Find(head.method, head.path);
    auto* const route = std::get_if<http::Router::Found>(&found);
    if (route == nullptr) co_return FailApi(Reason::kNotFound, "no such endpoint");
    const Endpoint& endpoint = endpoints_[route->route];
    std::string body;
    if (head.has_body()) body = (co_await exchange.ReadBody({})).value_or("");
    accounts::Identity who;
    who.account_id = std::string(head.Find("x-account"));
    const Context context{head, route->params, "r-1", "client", &who};
    CO_TRY_ASSIGN(const std::unique_ptr<Call> call, endpoint.parse(context, std::move(body)));
    CO_TRY(co_await call->Prepare());
    Progress progress([] {}, [this] { ++engines_done_; });
    const ApiResult<void> ended = co_await call->Run(reply, progress);
    if (progress.output_tokens() > 0) {
      last_prompt_ = progress.prompt_tokens();
      last_output_ = progress.output_tokens();
      was_last_cut_ = progress.was_cut();
      ++answers_ended_;
    }
    co_return ended;
  }

  void Begin(Question question, std::promise<Answer>& promise) {
    callers_.Spawn(0, Ask(server_->endpoints().front(), std::move(question), promise));
  }
  Answer Send(Question question) {
    std::promise<Answer> promise;
    Begin(std::move(question), promise);
    return promise.get_future().get();
  }
  Answer Get(std::string target) { return Send({.target = std::move(target)}); }
  Answer Post(std::string target, std::string body = {}) {
    return Send({.method = http::Method::kPost, .target = std::move(target), .body = body});
  }

  std::string NewConversation() {
    return "/api/conversations/" + Post("/api/conversations", R"({"title":"t"})").Text("id");
  }
  // The messages of the conversation, by their ids.
  json::Object Message(const std::string& conversation, const std::string& id) {
    const Answer answer = Get(conversation);
    for (const json::Value& message : answer.object().at("messages").as_array()) {
      if (Text(message.as_object(), "id") == id) return message.as_object();
    }
    ADD_FAILURE() << "no message " << id;
    return {};
  }
  // Until the call of a client that left has ended too.
  void AwaitEnginesDone(int count) { Await(engines_done_, count); }
  static void Await(const std::atomic<int>& counter, int count) {
    const net::TimePoint end = net::Clock::now() + kPatience;
    while (counter < count && net::Clock::now() < end) std::this_thread::yield();
    EXPECT_EQ(counter, count);
  }

  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
  std::atomic<int> words_{3};
  std::atomic<bool> breaks_{false};
  std::atomic<bool> tells_usage_{false};
  std::atomic<int> engines_done_{0};
  std::atomic<int> served_{0};
  // Of the answer whose call ended last.
  std::atomic<std::int64_t> last_prompt_{0};
  std::atomic<std::int64_t> last_output_{0};
  std::atomic<bool> was_last_cut_{false};
  std::atomic<int> answers_ended_{0};
  std::atomic<std::int64_t> now_ms_{1'700'000'000'000};
  ScriptedEngine engine_;
  metrics::Registry registry_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<upstream::Pool> pool_;
  std::unique_ptr<sandbox::Sandbox> sandbox_ = *sandbox::Sandbox::Open(kJobs, {});
  net::BlockingPool blocking_{{.thread_count = 2}};
  std::unique_ptr<ConversationService> service_;
  std::vector<Endpoint> endpoints_;
  http::Router router_;
  net::IoThreads threads_{2};
  std::unique_ptr<http::Server> server_;
  net::IoThreads callers_{1};
};

TEST_F(ConversationApiTest, KeepsAConversation) {
  const Answer made = Post("/api/conversations", R"({"title":"Tides"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.Text("title"), "Tides");
  const std::string path = "/api/conversations/" + made.Text("id");
  const Answer changed = Send({.method = http::Method::kPatch,
                               .target = path,
                               .body = R"({"pinned":true,"folder":"a b"})"});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.Text("folder"), "a b");
  const Answer listed = Get("/api/conversations?folder=a+b&cursor=");
  ASSERT_EQ(listed.object().at("conversations").as_array().size(), 1u) << listed.body;
  EXPECT_TRUE(listed.object().at("next").is_null());
  EXPECT_EQ(Get("/api/conversations?folder=c").object().at("conversations").as_array().size(), 0u);
  const Answer free =
      Send({.method = http::Method::kPatch, .target = path, .body = R"({"folder":null})"});
  EXPECT_TRUE(free.object().at("folder").is_null()) << free.body;
  EXPECT_EQ(Send({.target = path, .account = "bob"}).status, 404);
  EXPECT_EQ(Send({.method = http::Method::kDelete, .target = path}).status, 204);
  EXPECT_EQ(Get(path).status, 404);
  NewConversation();
  EXPECT_EQ(Send({.method = http::Method::kDelete, .target = "/api/conversations"}).status, 204);
  EXPECT_EQ(Get("/api/conversations").object().at("conversations").as_array().size(), 0u);
}

TEST_F(ConversationApiTest, AnswersAQuestionAndKeepsBoth) {
  const std::string path = NewConversation();
  Allow(6);
  const Answer answer =
      Post(path + "/messages", R"({"parent":null,"content":"Why?","options":{"top_p":0.9}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(TextOf(answer.body), "w0 w1 w2 ");
  EXPECT_TRUE(answer.body.ends_with("data: [DONE]\n\n")) << answer.body;
  const json::Object question = FirstEvent(answer.body).at("message").as_object();
  EXPECT_EQ(question.at("content"), "Why?");
  const json::Object kept = Message(path, AnswerId(answer.body));
  EXPECT_EQ(kept.at("content"), "w0 w1 w2 ");
  EXPECT_EQ(kept.at("state"), "done");
  EXPECT_EQ(kept.at("tokens"), 3);
  EXPECT_EQ(kept.at("model"), "m");
  EXPECT_EQ(kept.at("parent"), question.at("id"));
  EXPECT_EQ(engines_done_, 1);

  const std::string next =
      fmt::format(R"({{"parent":"{}","content":"And?"}})", AnswerId(answer.body));
  EXPECT_EQ(Post(path + "/messages", next).status, 200);
  const auto sent = json::Parse(engine_.last_chat().body);
  ASSERT_TRUE(sent);
  EXPECT_EQ(json::Write(sent->as_object().at("messages")),
            R"([{"role":"user","content":"Why?"},{"role":"assistant","content":"w0 w1 w2 "},)"
            R"({"role":"user","content":"And?"}])");
}

TEST_F(ConversationApiTest, AnAnswerGoesOnWhenItsReaderLeaves) {
  const std::string path = NewConversation();
  Allow(1);
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w0"});
  const std::string id = AnswerId(begun.body);
  EXPECT_EQ(Message(path, id).at("state"), "streaming");
  EXPECT_EQ(engines_done_, 0) << "what the request holds is held";
  Allow(2);
  AwaitEnginesDone(1);
  const Answer followed = Get(path + "/messages/" + id + "/events");
  EXPECT_EQ(TextOf(followed.body), "w0 w1 w2 ");
  EXPECT_TRUE(followed.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(Message(path, id).at("state"), "done");
}

TEST_F(ConversationApiTest, OthersFollowItFromTheBeginning) {
  const std::string path = NewConversation();
  Allow(1);
  std::promise<Answer> first;
  std::promise<Answer> second;
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w0"});
  const std::string events = path + "/messages/" + AnswerId(begun.body) + "/events";
  EXPECT_EQ(Send({.target = events, .account = "bob"}).status, 404);
  Begin({.target = events}, first);
  Allow(1);
  Begin({.target = events}, second);
  Allow(1);
  for (std::promise<Answer>* reader : {&first, &second}) {
    EXPECT_EQ(TextOf(reader->get_future().get().body), "w0 w1 w2 ");
  }
}

TEST_F(ConversationApiTest, StopEndsTheEnginesWorkAndSaysHowFarItCame) {
  words_ = 1'000'000;
  const std::string path = NewConversation();
  Allow(2);
  std::promise<Answer> reader;
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w1"});
  const std::string message = path + "/messages/" + AnswerId(begun.body);
  Begin({.target = message + "/events"}, reader);
  EXPECT_EQ(
      Send({.method = http::Method::kPost, .target = message + "/stop", .account = "bob"}).status,
      404);
  const Answer stopped = Post(message + "/stop");
  EXPECT_EQ(stopped.object().at("tokens"), 2) << stopped.body;
  EXPECT_LT(stopped.object().at("stopped_after_ms").as_int64(), 10'000);
  EXPECT_TRUE(reader.get_future().get().body.ends_with("data: [DONE]\n\n"));
  const json::Object kept = Message(path, AnswerId(begun.body));
  EXPECT_EQ(kept.at("state"), "stopped");
  EXPECT_EQ(kept.at("content"), "w0 w1 ");
  AwaitEnginesDone(1);
  EXPECT_EQ(Post(message + "/stop").object().at("tokens"), 2) << "again";
}

TEST_F(ConversationApiTest, AnAnswerThatIsStoppedIsChargedAsTheEngineHasCountedIt) {
  words_ = 1'000'000;
  tells_usage_ = true;
  const std::string path = NewConversation();
  Allow(2);
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w1"});
  EXPECT_EQ(begun.body.find("prompt_tokens"), std::string::npos) << "nobody asked";
  const Answer stopped = Post(path + "/messages/" + AnswerId(begun.body) + "/stop");
  EXPECT_EQ(stopped.object().at("tokens"), 2 * kTokensOfAWord) << stopped.body;
  Await(answers_ended_, 1);
  EXPECT_EQ(last_prompt_, 30);
  EXPECT_EQ(last_output_, 2 * kTokensOfAWord);
  EXPECT_TRUE(was_last_cut_);
  EXPECT_EQ(Message(path, AnswerId(begun.body)).at("tokens"), 2 * kTokensOfAWord);
}

TEST_F(ConversationApiTest, AnAnswerWhoseReaderLeftIsNotCut) {
  tells_usage_ = true;
  const std::string path = NewConversation();
  Allow(1);
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w0"});
  Allow(2);
  Await(answers_ended_, 1);
  EXPECT_EQ(last_output_, 3 * kTokensOfAWord);
  EXPECT_FALSE(was_last_cut_);
  EXPECT_EQ(Message(path, AnswerId(begun.body)).at("tokens"), 3 * kTokensOfAWord);
}

TEST_F(ConversationApiTest, AnAnswerThatFailsIsKeptWithItsReasonAndMayGoOn) {
  const std::string path = NewConversation();
  breaks_ = true;
  Allow(3);
  const Answer broken = Post(path + "/messages", R"({"content":"Why?"})");
  EXPECT_NE(broken.body.find("engine_restarting"), std::string::npos) << broken.body;
  const std::string id = AnswerId(broken.body);
  const json::Object failed = Message(path, id);
  EXPECT_EQ(failed.at("state"), "failed");
  EXPECT_EQ(failed.at("reason"), "engine_restarting");
  EXPECT_EQ(failed.at("content"), "w0 w1 w2 ");
  const Answer replayed = Get(path + "/messages/" + id + "/events");
  EXPECT_EQ(TextOf(replayed.body), "w0 w1 w2 ");
  EXPECT_NE(replayed.body.find("engine_restarting"), std::string::npos) << replayed.body;

  breaks_ = false;
  Allow(3);
  const Answer rest = Post(path + "/messages", fmt::format(R"({{"continue":"{}"}})", id));
  EXPECT_EQ(TextOf(rest.body), "w0 w1 w2 ") << "what is new";
  EXPECT_EQ(AnswerId(rest.body), id);
  const json::Object whole = Message(path, id);
  EXPECT_EQ(whole.at("content"), "w0 w1 w2 w0 w1 w2 ");
  EXPECT_EQ(whole.at("state"), "done");
  EXPECT_EQ(whole.at("tokens"), 6);
  EXPECT_TRUE(engine_.last_chat().body.contains("\"continue_final_message\":true"));
}

TEST_F(ConversationApiTest, ATemporaryChatIsAnsweredAndNotWritten) {
  const Answer made = Post("/api/conversations", R"({"title":"t","temporary":true})");
  EXPECT_EQ(made.status, 201);
  const std::string path = "/api/conversations/" + made.Text("id");
  Allow(3);
  const Answer answer = Post(path + "/messages", R"({"content":"Why?"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(TextOf(answer.body), "w0 w1 w2 ");
  EXPECT_EQ(Message(path, AnswerId(answer.body)).at("content"), "w0 w1 w2 ");
  const Answer replayed = Get(path + "/messages/" + AnswerId(answer.body) + "/events");
  EXPECT_EQ(TextOf(replayed.body), "w0 w1 w2 ");
  EXPECT_EQ(Get("/api/conversations").object().at("conversations").as_array().size(), 0u);
  const auto rows = database_->Read(
      [](store::Transaction& t) { return t.Query("SELECT COUNT(*) FROM messages"); });
  EXPECT_EQ((*rows)[0].Number(0), 0);
  EXPECT_EQ(Send({.method = http::Method::kDelete, .target = path}).status, 204);
  EXPECT_EQ(Get(path).status, 404);
}

TEST_F(ConversationApiTest, AskingAgainMakesABranch) {
  const std::string path = NewConversation();
  Allow(6);
  const Answer first = Post(path + "/messages", R"({"content":"Why?"})");
  const std::string question = Text(FirstEvent(first.body).at("message").as_object(), "id");
  const Answer second =
      Post(path + "/messages", fmt::format(R"({{"parent":"{}","regenerate":true}})", question));
  EXPECT_NE(AnswerId(first.body), AnswerId(second.body));
  EXPECT_EQ(Text(Message(path, AnswerId(second.body)), "parent"), question);
  EXPECT_EQ(Get(path).object().at("messages").as_array().size(), 3u);
}

TEST_F(ConversationApiTest, TheEndOfTheProcessInterruptsWhatIsUnderWay) {
  const std::string path = NewConversation();
  Allow(1);
  const Answer begun = Send({.method = http::Method::kPost,
                             .target = path + "/messages",
                             .body = R"({"content":"Why?"})",
                             .leaves_at = "w0"});
  service_->hub.StopAll();
  AwaitEnginesDone(1);
  const Answer followed = Get(path + "/messages/" + AnswerId(begun.body) + "/events");
  EXPECT_NE(followed.body.find("draining"), std::string::npos) << followed.body;
  const json::Object kept = Message(path, AnswerId(begun.body));
  EXPECT_EQ(kept.at("state"), "interrupted");
  EXPECT_EQ(kept.at("content"), "w0 ");
  const Answer late = Post(path + "/messages", R"({"content":"And?"})");
  EXPECT_EQ(late.status, 503) << late.body;
}

TEST_F(ConversationApiTest, SharesSearchesAndImports) {
  const std::string path = NewConversation();
  EXPECT_EQ(Post(path + "/share").status, 409) << "nothing is in it";
  Allow(3);
  Post(path + "/messages", R"({"content":"Why tides?"})");
  const Answer shared = Post(path + "/share");
  EXPECT_EQ(shared.status, 201);
  const std::string url = shared.Text("url");
  EXPECT_EQ(Text(Get(path).object().at("shared").as_object(), "url"), url);
  const std::string open = "/api/shared/" + url.substr(url.rfind('/') + 1);
  const Answer seen = Send({.target = open, .account = ""});
  EXPECT_EQ(seen.object().at("messages").as_array().size(), 2u) << seen.body;
  EXPECT_EQ(Send({.method = http::Method::kDelete, .target = path + "/share"}).status, 204);
  EXPECT_EQ(Get(open).status, 404);

  const Answer found = Get("/api/search?q=TIDES");
  ASSERT_EQ(found.object().at("results").as_array().size(), 1u) << found.body;
  EXPECT_EQ(Send({.target = "/api/search?q=tides", .account = "bob"})
                .object()
                .at("results")
                .as_array()
                .size(),
            0u);

  const Answer taken = Post("/api/conversations/import",
                            R"({"format":"holdfast-conversations","version":1,"conversations":[
                                {"title":"old","messages":[{"id":"1","role":"user"}]}]})");
  EXPECT_EQ(taken.object().at("conversations"), 1) << taken.body;
  EXPECT_EQ(taken.object().at("messages"), 1);
}

TEST_F(ConversationApiTest, SaysWhatIsWrong) {
  const std::string path = NewConversation();
  const std::string messages = path + "/messages";
  Allow(3);
  const Answer asked = Post(messages, R"({"content":"Why?"})");
  const std::string answer = AnswerId(asked.body);
  const std::string question = Text(FirstEvent(asked.body).at("message").as_object(), "id");
  const struct {
    http::Method method;
    std::string target;
    std::string body;
    int status;
  } cases[] = {
      {http::Method::kPost, messages, "{}", 400},
      {http::Method::kPost, messages, "[]", 400},
      {http::Method::kPost, messages, R"({"content":"a","options":{"messages":[]}})", 400},
      {http::Method::kPost, messages, R"({"content":"a","parent":"gone"})", 404},
      {http::Method::kPost, messages, R"({"content":"a","model":"other"})", 404},
      {http::Method::kPost, messages, R"({"regenerate":true})", 400},
      {http::Method::kPost, messages, fmt::format(R"({{"regenerate":true,"parent":"{}"}})", answer),
       400},
      {http::Method::kPost, messages,
       fmt::format(R"({{"regenerate":true,"parent":"{}","content":"a"}})", question), 400},
      {http::Method::kPost, messages, fmt::format(R"({{"continue":"{}"}})", answer), 409},
      {http::Method::kPost, messages, fmt::format(R"({{"continue":"{}"}})", question), 409},
      {http::Method::kPost, messages, R"({"continue":"x","content":"a"})", 400},
      {http::Method::kPost, "/api/conversations/gone/messages", R"({"content":"a"})", 404},
      {http::Method::kGet, messages + "/" + question + "/events", "", 409},
      {http::Method::kGet, messages + "/gone/events", "", 404},
      {http::Method::kPost, messages + "/gone/stop", "", 404},
      {http::Method::kPost, "/api/conversations", R"({"temporary":1})", 400},
      {http::Method::kPost, "/api/conversations/temporary.x/share", "", 404},
      {http::Method::kPost, "/api/conversations/import", R"({"a":1})", 400},
      {http::Method::kPatch, path, R"({"pinned":"yes"})", 400},
      {http::Method::kGet, "/api/conversations?cursor=x", "", 400},
      {http::Method::kGet, "/api/search", "", 400},
      {http::Method::kGet, "/api/search?q=%zz", "", 400},
      {http::Method::kGet, "/api/shared/x", "", 404},
  };
  for (const auto& [method, target, body, status] : cases) {
    const Answer refused = Send({.method = method, .target = target, .body = body});
    EXPECT_EQ(refused.status, status) << target << " " << body << " " << refused.body;
  }
  EXPECT_EQ(Get(path).object().at("messages").as_array().size(), 2u) << "nothing was stored";
}

}  // namespace
}  // namespace holdfast::api

// The program is its own sandbox's child.
int main(int argc, char** argv) {
  return holdfast::sandbox::testing::TestMain(argc, argv, holdfast::api::kJobs);
}
