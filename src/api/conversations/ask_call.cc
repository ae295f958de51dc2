#include "api/conversations/ask_call.h"

#include <utility>

#include "api/conversations/answer_run.h"
#include "api/conversations/asking.h"
#include "api/conversations/follow.h"
#include "api/conversations/wire.h"
#include "api/openai/answer_call.h"
#include "api/openai/answer_request.h"
#include "conversations/export.h"
#include "net/spawn.h"

namespace holdfast::api {
namespace {

using conversations::Message;
using conversations::MessageState;
using conversations::RunningAnswer;

// Of a stop, for the answer to end.
constexpr std::chrono::milliseconds kStopTimeMax{10'000};

// Where the request is about.
struct Place {
  std::string account_id = {};
  std::string conversation_id = {};
  std::string message_id = {};  // Empty: of no message.
};

Place PlaceOf(const Context& context) {
  Place place{.account_id = context.who->account_id};
  place.conversation_id = context.params.find("id")->second;
  const auto message = context.params.find("message");
  if (message != context.params.end()) place.message_id = message->second;
  return place;
}

class AskCall final : public Call {
 public:
  AskCall(ConversationService& service, Place place, Asking asking, const Context& context)
      : service_(service),
        place_(std::move(place)),
        asking_(std::move(asking)),
        client_(context.client),
        request_id_(context.request_id) {}

  // The guard is told how large the whole prompt is.
  net::Awaitable<ApiResult<void>> Prepare() override {
    CO_TRY_ASSIGN(const conversations::ConversationTree tree, co_await service_.Do([this] {
      return service_.With(place_.conversation_id, [this](auto& history, auto&) {
        return history.Get(place_.account_id, place_.conversation_id);
      });
    }));
    CO_TRY_ASSIGN(const std::vector<const Message*> way, WayOf(asking_, tree.messages));
    if (asking_.continued) {
      given_ = *way.back();
    } else if (!asking_.question) {
      question_ = *way.back();
    }
    CO_TRY_ASSIGN(const std::string model, ChooseModel(service_.engines, asking_.model));
    asking_.model = model;
    std::string body = EngineBody(asking_, way);
    CO_TRY_ASSIGN(const AnswerRequest request, ReadAnswerRequest(body, client_));
    work_ = request.work;
    call_.body = std::make_shared<const std::string>(std::move(body));
    call_.model = asking_.model;
    call_.prefix_key = request.prefix_key;
    call_.wants_stream = true;
    call_.request_id = request_id_;
    call_.client = client_;
    co_return ApiResult<void>{};
  }

  Work work() const override { return work_; }

  void ShortenTo(std::uint32_t tokens_max) override {
    call_.body = std::make_shared<const std::string>(WithTokensMax(*call_.body, tokens_max));
  }

  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress& progress) override {
    CO_TRY_ASSIGN(RunningAnswer running, co_await service_.Do([this] { return Begin(); }));
    const std::string first = FirstEvent(running.message_id);
    const net::Executor executor = reply.exchange().executor();
    AnswerRun run(service_, executor, std::move(call_), std::move(running), progress);
    const auto announced = run.Announce(executor, given_.content, given_.reasoning.value_or(""));
    if (!announced) {
      co_await run.GiveUp(announced.error());
      co_return std::unexpected(announced.error());
    }
    const std::shared_ptr<LiveAnswer>& live = *announced;
    const net::StopSource::Listener stopped = reply.stop().OnStop([&run, &reply] {
      const net::StopReason reason = reply.stop().reason();
      if (reason != net::StopReason::kClientLeft) run.Stop(reason);
    });
    const LiveAnswer::Cursor cursor = live->Now();
    net::Spawn(executor, run.Write());
    const ApiResult<void> followed = co_await Follow(live, cursor, first, reply);
    co_await run.WaitForEnd();
    co_return followed;
  }

 private:
  // Blocks. The question is stored once the guard has let it in, so that one who was refused asks
  // again without asking twice.
  Result<RunningAnswer> Begin() {
    return service_.With(place_.conversation_id, [this](auto& history, auto& journal) {
      return BeginIn(history, journal);
    });
  }

  template <typename History, typename Journal>
  Result<RunningAnswer> BeginIn(History& history, Journal& journal) {
    const auto& [account, conversation, unused] = place_;
    if (asking_.continued) return journal.Resume(account, conversation, *asking_.continued);
    if (asking_.question) {
      Message question;
      question.parent = asking_.parent;
      question.content = *asking_.question;
      TRY_ASSIGN(question_, history.Add(account, conversation, std::move(question)));
    }
    return journal.Begin(account, conversation, question_.id, asking_.model);
  }

  std::string FirstEvent(const std::string& answer_id) const {
    json::Object event;
    if (!question_.id.empty()) event["message"] = conversations::JsonOf(question_);
    event["answer"] = json::Object{{"id", answer_id}};
    return "data: " + json::Write(std::move(event)) + "\n\n";
  }

  ConversationService& service_;
  const Place place_;
  Asking asking_;
  const std::string client_;
  const std::string request_id_;
  Message question_;
  Message given_;  // What is gone on with; empty: a new answer.
  Work work_;
  upstream::Call call_;
};

// What an answer that is not under way has come to.
net::Awaitable<ApiResult<void>> Replay(const Message& message, Reply& reply) {
  CO_TRY(co_await reply.BeginEvents());
  CO_TRY(co_await reply.Events(ChunkEvent(message.content, message.reasoning.value_or(""))));
  if (message.state == MessageState::kFailed || message.state == MessageState::kInterrupted) {
    const std::optional<Reason> reason = FindReason(message.reason.value_or(""));
    co_return std::unexpected(ToApiError(reason.value_or(Reason::kEngineRestarting)));
  }
  CO_TRY(co_await reply.Events(upstream::DoneDelta().raw));
  co_return co_await reply.End();
}

net::Awaitable<ApiResult<Message>> FindMessage(ConversationService& service, const Place& place) {
  co_return co_await service.Do([&service, &place] {
    return service.With(place.conversation_id, [&place](auto& history, auto&) {
      return history.GetMessage(place.account_id, place.conversation_id, place.message_id);
    });
  });
}

net::Awaitable<ApiResult<void>> FollowAnswer(ConversationService& service, const Place& place,
                                             Reply& reply) {
  const auto live = service.hub.Find(place.account_id, place.message_id);
  if (live != nullptr && live->ids().conversation_id == place.conversation_id) {
    co_return co_await Follow(live, {}, {}, reply);
  }
  CO_TRY_ASSIGN(const Message message, co_await FindMessage(service, place));
  if (message.role != conversations::Role::kAssistant) {
    co_return FailApi(Reason::kConflict, "This message is no answer.");
  }
  co_return co_await Replay(message, reply);
}

std::int64_t MillisecondsSince(net::TimePoint began) {
  const auto passed = net::Clock::now() - began;
  return std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
}

json::Object StoppedJson(std::int64_t tokens, std::int64_t after_ms) {
  return {{"tokens", tokens}, {"stopped_after_ms", after_ms}};
}

// Says stop, and waits for the engine to have let go of the answer.
net::Awaitable<ApiResult<void>> StopAndWait(std::shared_ptr<LiveAnswer> live, Reply& reply) {
  const net::TimePoint began = net::Clock::now();
  const auto event = std::make_shared<net::Event>(reply.exchange().executor());
  CO_TRY_ASSIGN(const LiveAnswer::Reader reader, LiveAnswer::Join(live, event));
  live->AskToStop();
  LiveAnswer::Cursor cursor = live->Now();
  while (!live->Take(cursor).is_over && MillisecondsSince(began) < kStopTimeMax.count()) {
    co_await event->Wait(began + kStopTimeMax);
  }
  const json::Value told = StoppedJson(live->tokens(), MillisecondsSince(began));
  co_return co_await reply.SendJson(told);
}

net::Awaitable<ApiResult<void>> StopAnswer(ConversationService& service, const Place& place,
                                           Reply& reply) {
  auto live = service.hub.Find(place.account_id, place.message_id);
  if (live != nullptr && live->ids().conversation_id == place.conversation_id) {
    co_return co_await StopAndWait(std::move(live), reply);
  }
  // It ended by itself before the stop came.
  CO_TRY_ASSIGN(const Message message, co_await FindMessage(service, place));
  const json::Value told = StoppedJson(message.tokens.value_or(0), 0);
  co_return co_await reply.SendJson(told);
}

using PlaceWork = net::Awaitable<ApiResult<void>> (*)(ConversationService&, const Place&, Reply&);

Endpoint MessageEndpoint(ConversationService& service, http::Method method, std::string_view rest,
                         PlaceWork work) {
  Endpoint endpoint;
  endpoint.method = method;
  endpoint.pattern = fmt::format("/api/conversations/{{id}}/messages/{{message}}/{}", rest);
  endpoint.access = Access::kSession;
  endpoint.parse = [&service, work](const Context& context,
                                    const std::string&) -> ApiResult<std::unique_ptr<Call>> {
    return Running([&service, work, place = PlaceOf(context)](Reply& reply) {
      return work(service, place, reply);
    });
  };
  return endpoint;
}

}  // namespace

std::vector<Endpoint> AnswerEndpoints(ConversationService& service, std::size_t body_bytes_max) {
  Endpoint ask;
  ask.method = http::Method::kPost;
  ask.pattern = "/api/conversations/{id}/messages";
  ask.access = Access::kSession;
  ask.kind = guard::Route::kChat;
  ask.body_bytes_max = body_bytes_max;
  ask.parse = [&service](const Context& context,
                         const std::string& body) -> ApiResult<std::unique_ptr<Call>> {
    TRY_ASSIGN(Asking asking, ReadAsking(body));
    return std::make_unique<AskCall>(service, PlaceOf(context), std::move(asking), context);
  };
  ask.documentation = {.id = "ask",
                       .summary =
                           "Stores a question and streams its answer, which goes on when "
                           "its reader leaves.",
                       .tag = "conversations",
                       .request_schema = R"({"type": "object"})",
                       .may_stream = true,
                       .statuses = {404, 409, 413, 502, 503, 504}};
  Endpoint follow = MessageEndpoint(service, http::Method::kGet, "events", FollowAnswer);
  follow.documentation = {.id = "followAnswer",
                          .summary = "An answer from its beginning, also while it is written.",
                          .tag = "conversations",
                          .may_stream = true,
                          .statuses = {404, 409, 429, 503}};
  Endpoint stop = MessageEndpoint(service, http::Method::kPost, "stop", StopAnswer);
  stop.documentation = {.id = "stopAnswer",
                        .summary = "Ends an answer, and says how far it came.",
                        .tag = "conversations",
                        .answer_schema = R"({"type": "object", "required": ["tokens"]})",
                        .statuses = {404, 429, 503}};
  return {std::move(ask), std::move(follow), std::move(stop)};
}

}  // namespace holdfast::api
