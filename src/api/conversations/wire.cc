#include "api/conversations/wire.h"

#include <utility>

#include "conversations/export.h"

namespace holdfast::api {
namespace {

class FunctionCall final : public Call {
 public:
  explicit FunctionCall(std::function<net::Awaitable<ApiResult<void>>(Reply&)> run)
      : run_(std::move(run)) {}
  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress&) override { return run_(reply); }

 private:
  const std::function<net::Awaitable<ApiResult<void>>(Reply&)> run_;
};

json::Array MessagesOf(const std::vector<conversations::Message>& messages) {
  json::Array list;
  for (const conversations::Message& message : messages) {
    list.emplace_back(conversations::JsonOf(message));
  }
  return list;
}

}  // namespace

json::Object JsonOf(const conversations::Conversation& conversation) {
  return {{"id", conversation.id},
          {"title", conversation.title},
          {"created_at", conversation.created_at_ms},
          {"updated_at", conversation.updated_at_ms},
          {"pinned", conversation.pinned},
          {"folder", conversation.folder ? json::Value(*conversation.folder) : json::Value()}};
}

json::Object JsonOf(const conversations::ConversationTree& tree,
                    const std::optional<conversations::Share>& share) {
  json::Object object = JsonOf(tree.conversation);
  object["shared"] = nullptr;
  if (share) object["shared"] = json::Object{{"url", UrlOf(*share)}, {"at", share->shared_at_ms}};
  object["messages"] = MessagesOf(tree.messages);
  return object;
}

json::Object JsonOf(const conversations::SharedConversation& shared) {
  return {{"title", shared.title},
          {"messages", MessagesOf(shared.messages)},
          {"shared_at", shared.shared_at_ms}};
}

std::string UrlOf(const conversations::Share& share) { return "/#/shared/" + share.token; }

net::Awaitable<ApiResult<void>> SendStatus(Reply& reply, int status, json::Value body) {
  http::ResponseHead head;
  head.status = status;
  head.content_type = "application/json";
  head.headers.push_back({"Cache-Control", "no-store"});
  const std::string text = json::Write(body);
  co_return co_await reply.Send(head, text);
}

net::Awaitable<ApiResult<void>> SendNothing(Reply& reply) {
  http::ResponseHead head;
  head.status = 204;
  head.headers.push_back({"Cache-Control", "no-store"});
  co_return co_await reply.Send(head, {});
}

std::unique_ptr<Call> Running(std::function<net::Awaitable<ApiResult<void>>(Reply&)> run) {
  return std::make_unique<FunctionCall>(std::move(run));
}

}  // namespace holdfast::api
