#include "api/conversations/endpoints.h"

#include <memory>
#include <utility>

#include "api/conversations/ask_call.h"
#include "api/conversations/wire.h"
#include "api/fields.h"
#include "api/query.h"
#include "conversations/search.h"

namespace holdfast::api {
namespace {

using conversations::Conversation;
using conversations::ConversationChange;
using conversations::ConversationPage;
using conversations::ConversationTree;
using conversations::Share;
using conversations::TemporaryChats;
using Answer = net::Awaitable<ApiResult<void>>;

constexpr std::size_t kCursorBytesMax = 128;
constexpr std::size_t kSmallBodyBytesMax = 8 << 10;
// What the links of a stranger are tried at most: a token is 64 characters.
constexpr std::size_t kTokenBytesMax = 128;

json::Object JsonOf(const ConversationPage& page) {
  json::Array list;
  for (const Conversation& conversation : page.conversations) {
    list.emplace_back(api::JsonOf(conversation));
  }
  return {{"conversations", std::move(list)},
          {"next", page.next ? json::Value(*page.next) : json::Value()}};
}

json::Object JsonOf(const conversations::SearchResult& result) {
  return {{"conversation", result.conversation},
          {"title", result.title},
          {"message", result.message ? json::Value(*result.message) : json::Value()},
          {"snippet", result.snippet},
          {"created_at", result.created_at_ms}};
}

json::Object JsonOf(const conversations::SearchResults& found) {
  json::Array results;
  for (const conversations::SearchResult& result : found.results) {
    results.emplace_back(JsonOf(result));
  }
  return {{"results", std::move(results)}, {"complete", found.is_complete}};
}

json::Object JsonOf(const conversations::StoredCounts& stored) {
  return {{"conversations", stored.conversations}, {"messages", stored.messages}};
}

json::Object NewJson(Conversation made) {
  return api::JsonOf(ConversationTree{.conversation = std::move(made), .messages = {}}, {});
}

json::Object UrlJson(const Share& share) { return {{"url", UrlOf(share)}}; }

Answer List(ConversationService& service, std::string account, std::optional<std::string> cursor,
            std::optional<std::string> folder, Reply& reply) {
  CO_TRY_ASSIGN(const ConversationPage page,
                co_await service.Do([&] { return service.history.List(account, cursor, folder); }));
  const json::Value body = JsonOf(page);
  co_return co_await reply.SendJson(body);
}

Answer Create(ConversationService& service, std::string account, std::string title,
              bool is_temporary, Reply& reply) {
  CO_TRY_ASSIGN(const Conversation made, co_await service.Do([&] {
    return is_temporary ? service.temporary.Create(account, title)
                        : service.history.Create(account, title);
  }));
  co_return co_await SendStatus(reply, 201, NewJson(made));
}

Answer Get(ConversationService& service, std::string account, std::string id, Reply& reply) {
  std::optional<Share> share;
  CO_TRY_ASSIGN(const ConversationTree tree, co_await service.Do([&]() -> Result<ConversationTree> {
    if (TemporaryChats::IsTemporary(id)) return service.temporary.Get(account, id);
    TRY_ASSIGN(share, service.shares.Find(account, id));
    return service.history.Get(account, id);
  }));
  const json::Value body = api::JsonOf(tree, share);
  co_return co_await reply.SendJson(body);
}

Answer Change(ConversationService& service, std::string account, std::string id,
              ConversationChange change, Reply& reply) {
  CO_TRY_ASSIGN(const Conversation changed,
                co_await service.Do([&] { return service.history.Change(account, id, change); }));
  const json::Value body = api::JsonOf(changed);
  co_return co_await reply.SendJson(body);
}

Answer Delete(ConversationService& service, std::string account, std::string id, Reply& reply) {
  CO_TRY(co_await service.Do([&] {
    return service.With(id, [&](auto& history, auto&) { return history.Delete(account, id); });
  }));
  co_return co_await SendNothing(reply);
}

Answer DeleteAll(ConversationService& service, std::string account, Reply& reply) {
  CO_TRY(co_await service.Do([&]() -> Result<void> {
    TRY(service.temporary.DeleteAccount(account));
    return service.history.DeleteAccount(account);
  }));
  co_return co_await SendNothing(reply);
}

Answer Search(ConversationService& service, std::string account, std::string query, Reply& reply) {
  CO_TRY_ASSIGN(const conversations::SearchResults found, co_await service.Do([&] {
    return conversations::Search(service.database, service.keys, account, query);
  }));
  const json::Value body = JsonOf(found);
  co_return co_await reply.SendJson(body);
}

Answer MakeShare(ConversationService& service, std::string account, std::string id, Reply& reply) {
  CO_TRY_ASSIGN(const Share share,
                co_await service.Do([&] { return service.shares.Create(account, id); }));
  co_return co_await SendStatus(reply, 201, UrlJson(share));
}

Answer Unshare(ConversationService& service, std::string account, std::string id, Reply& reply) {
  CO_TRY(co_await service.Do([&] { return service.shares.Revoke(account, id); }));
  co_return co_await SendNothing(reply);
}

Answer OpenShare(ConversationService& service, std::string token, Reply& reply) {
  CO_TRY_ASSIGN(const conversations::SharedConversation shared,
                co_await service.Do([&] { return service.shares.Open(token); }));
  const json::Value body = api::JsonOf(shared);
  co_return co_await reply.SendJson(body);
}

Answer Import(ConversationService& service, std::string account,
              std::shared_ptr<const std::string> file, Reply& reply) {
  CO_TRY_ASSIGN(const std::vector<ConversationTree> trees,
                co_await service.importing.Read(account, file));
  CO_TRY_ASSIGN(const conversations::StoredCounts stored,
                co_await service.Do([&] { return service.history.Import(account, trees); }));
  const json::Value body = JsonOf(stored);
  co_return co_await reply.SendJson(body);
}

ApiResult<std::unique_ptr<Call>> ReadList(ConversationService& service, const Context& context) {
  TRY_ASSIGN(auto cursor, QueryValue(context.head.query, "cursor", kCursorBytesMax));
  TRY_ASSIGN(auto folder, QueryValue(context.head.query, "folder", conversations::kFolderBytesMax));
  if (cursor && cursor->empty()) cursor = std::nullopt;
  if (folder && folder->empty()) folder = std::nullopt;
  return Running([&service, account = context.who->account_id, cursor, folder](Reply& reply) {
    return List(service, account, cursor, folder, reply);
  });
}

ApiResult<std::unique_ptr<Call>> ReadCreate(ConversationService& service, const Context& context,
                                            std::string_view body) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  const Fields fields(object);
  TRY_ASSIGN(std::string title, fields.String("title", "", conversations::kTitleBytesMax));
  TRY_ASSIGN(const bool is_temporary, fields.Bool("temporary", false));
  return Running([&service, account = context.who->account_id, title = std::move(title),
                  is_temporary](Reply& reply) {
    return Create(service, account, title, is_temporary, reply);
  });
}

ApiResult<std::unique_ptr<Call>> ReadChange(ConversationService& service, const Context& context,
                                            std::string_view body) {
  TRY_ASSIGN(const json::Object object, ParseBody(body));
  const Fields fields(object);
  ConversationChange change;
  if (fields.Find("title") != nullptr) {
    TRY_ASSIGN(change.title, fields.String("title", "", conversations::kTitleBytesMax));
  }
  if (fields.Find("pinned") != nullptr) {
    TRY_ASSIGN(change.pinned, fields.Bool("pinned", false));
  }
  // Null is a value here: out of its folder.
  if (json::Find(object, "folder") != nullptr) {
    TRY_ASSIGN(change.folder, fields.String("folder", "", conversations::kFolderBytesMax));
  }
  return Running([&service, account = context.who->account_id,
                  id = context.params.find("id")->second,
                  change](Reply& reply) { return Change(service, account, id, change, reply); });
}

ApiResult<std::unique_ptr<Call>> ReadSearch(ConversationService& service, const Context& context) {
  TRY_ASSIGN(const auto query, QueryValue(context.head.query, "q", conversations::kQueryBytesMax));
  if (!query || query->empty()) return FailApi(Reason::kBadRequest, "There is no 'q'.", "q");
  return Running([&service, account = context.who->account_id, query = *query](Reply& reply) {
    return Search(service, account, query, reply);
  });
}

using Read = ApiResult<std::unique_ptr<Call>> (*)(ConversationService&, const Context&);
using ReadBody = ApiResult<std::unique_ptr<Call>> (*)(ConversationService&, const Context&,
                                                      std::string_view);
using OfOne = Answer (*)(ConversationService&, std::string account, std::string id, Reply&);

// Rows of the table, each with what they have in common.
class Rows {
 public:
  explicit Rows(ConversationService& service) : service_(service) {}

  Endpoint& Add(http::Method method, std::string pattern, Documentation documentation) {
    Endpoint& endpoint = endpoints_.emplace_back();
    endpoint.method = method;
    endpoint.pattern = std::move(pattern);
    endpoint.access = Access::kSession;
    endpoint.documentation = std::move(documentation);
    endpoint.documentation.tag = "conversations";
    endpoint.documentation.statuses.push_back(503);
    return endpoint;
  }

  void Add(http::Method method, std::string pattern, Read read, Documentation documentation) {
    Add(method, std::move(pattern), std::move(documentation)).parse =
        [&service = service_, read](const Context& context, const std::string&) {
          return read(service, context);
        };
  }

  void Add(http::Method method, std::string pattern, ReadBody read, Documentation documentation) {
    Endpoint& endpoint = Add(method, std::move(pattern), std::move(documentation));
    endpoint.body_bytes_max = kSmallBodyBytesMax;
    endpoint.parse = [&service = service_, read](const Context& context, const std::string& body) {
      return read(service, context, body);
    };
  }

  // Of one conversation, by its id.
  void Add(http::Method method, std::string pattern, OfOne answer, Documentation documentation) {
    documentation.statuses.push_back(404);
    Add(method, std::move(pattern), std::move(documentation)).parse =
        [&service = service_, answer](const Context& context,
                                      const std::string&) -> ApiResult<std::unique_ptr<Call>> {
      return Running([&service, answer, account = context.who->account_id,
                      id = context.params.find("id")->second](Reply& reply) {
        return answer(service, account, id, reply);
      });
    };
  }

  std::vector<Endpoint> Take() { return std::move(endpoints_); }

 private:
  ConversationService& service_;
  std::vector<Endpoint> endpoints_;
};

ApiResult<std::unique_ptr<Call>> ReadDeleteAll(ConversationService& service,
                                               const Context& context) {
  return Running([&service, account = context.who->account_id](Reply& reply) {
    return DeleteAll(service, account, reply);
  });
}

Endpoint::Parse ReadImport(ConversationService& service) {
  return [&service](const Context& context, std::string body) -> ApiResult<std::unique_ptr<Call>> {
    return Running([&service, account = context.who->account_id,
                    file = std::make_shared<const std::string>(std::move(body))](Reply& reply) {
      return Import(service, account, file, reply);
    });
  };
}

ApiResult<std::unique_ptr<Call>> ReadShared(ConversationService& service, const Context& context) {
  const std::string& token = context.params.find("token")->second;
  if (token.size() > kTokenBytesMax) return std::unexpected(ToApiError(Reason::kNotFound));
  return Running([&service, token](Reply& reply) { return OpenShare(service, token, reply); });
}

constexpr std::string_view kObject = R"({"type": "object"})";

}  // namespace

std::vector<Endpoint> ConversationEndpoints(ConversationService& service, const BodySizes& limits) {
  using enum http::Method;
  const std::string all = "/api/conversations";
  const std::string one = "/api/conversations/{id}";
  Rows rows(service);
  rows.Add(kGet, all, ReadList,
           {.id = "listConversations",
            .summary = "One's own conversations: pinned first, then newest first.",
            .answer_schema = kObject,
            .statuses = {400}});
  rows.Add(kPost, all, ReadCreate,
           {.id = "createConversation",
            .summary = "A new conversation.",
            .request_schema = kObject,
            .answer_schema = kObject,
            .status = 201});
  rows.Add(kDelete, all, ReadDeleteAll,
           {.id = "deleteConversations", .summary = "Deletes all of one's own.", .status = 204});
  Endpoint& import = rows.Add(
      kPost, all + "/import",
      {.id = "importConversations",
       .summary = "Takes the JSON or the ZIP that we, ChatGPT, Open WebUI or DeepSeek export.",
       .request_schema = R"({"type": ["object", "array"]})",
       .answer_schema = kObject,
       .statuses = {409}});
  import.body_bytes_max = limits.import_bytes_max;
  import.body = BodyKind::kFile;
  import.parse = ReadImport(service);
  rows.Add(kGet, one, Get,
           {.id = "getConversation",
            .summary = "A conversation with its tree of messages.",
            .answer_schema = kObject});
  rows.Add(kPatch, one, ReadChange,
           {.id = "changeConversation",
            .summary = "Its title, pin or folder.",
            .request_schema = kObject,
            .answer_schema = kObject,
            .statuses = {404}});
  rows.Add(kDelete, one, Delete,
           {.id = "deleteConversation", .summary = "Deletes it.", .status = 204});
  rows.Add(kPost, one + "/share", MakeShare,
           {.id = "shareConversation",
            .summary = "A link to it as it is now.",
            .answer_schema = kObject,
            .status = 201,
            .statuses = {409}});
  rows.Add(kDelete, one + "/share", Unshare,
           {.id = "unshareConversation", .summary = "Ends its link.", .status = 204});
  rows.Add(kGet, "/api/search", ReadSearch,
           {.id = "searchConversations",
            .summary = "Messages and titles of one's own that have these words.",
            .answer_schema = kObject,
            .statuses = {400}});
  rows.Add(kGet, "/api/shared/{token}", ReadShared,
           {.id = "getShared",
            .summary = "A shared conversation, for whoever has its link.",
            .answer_schema = kObject,
            .statuses = {404}});
  std::vector<Endpoint> endpoints = rows.Take();
  for (Endpoint& endpoint : endpoints) {
    if (endpoint.pattern.starts_with("/api/shared/")) endpoint.access = Access::kAnyone;
  }
  for (Endpoint& endpoint : AnswerEndpoints(service, limits.body_bytes_max)) {
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

}  // namespace holdfast::api
