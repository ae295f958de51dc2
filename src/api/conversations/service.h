// ConversationService: what the endpoints of conversations work with: the histories, the answers
// under way, and the threads on which a database may be waited for.
//
// Made at the start of the gateway; what it is given must outlive it, and it the endpoints and
// their calls: the blocking pool and the import are stopped before the I/O threads. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "api/api_error.h"
#include "api/conversations/answer_hub.h"
#include "api/conversations/importing.h"
#include "conversations/answer_journal.h"
#include "conversations/history.h"
#include "conversations/shares.h"
#include "conversations/temporary_chats.h"
#include "net/blocking_pool.h"
#include "store/database.h"
#include "upstream/pool.h"

namespace holdfast::api {

struct ConversationRules {
  // Of an answer, from when it may begin, whether anybody reads it or not.
  std::chrono::milliseconds answer_time_max{600'000};
};

class ConversationService {
 public:
  ConversationService(store::Database& database, conversations::DataKeys keys,
                      conversations::NowMs now_ms, net::BlockingPool& blocking,
                      upstream::Pool& engines, sandbox::Sandbox& sandbox,
                      const ConversationRules& rules)
      : database(database),
        keys(std::move(keys)),
        now_ms(std::move(now_ms)),
        history(database, this->keys, this->now_ms),
        journal(database, this->keys, this->now_ms),
        shares(database, this->keys, this->now_ms),
        temporary(this->now_ms),
        blocking(blocking),
        engines(engines),
        rules(rules),
        importing(sandbox) {}
  ConversationService(const ConversationService&) = delete;
  ConversationService& operator=(const ConversationService&) = delete;

  // Before the first request: brings the tables, and marks what was being written when the process
  // ended last. Blocks.
  Result<void> Open();

  // Runs `work`, which returns a Result, where it may wait.
  template <typename Work>
  net::Awaitable<ApiResult<typename std::invoke_result_t<Work&>::value_type>> Do(Work work);

  // Runs `work(history, journal)` with those that have the conversation. Blocks.
  template <typename Work>
  auto With(std::string_view conversation_id, Work work) {
    const bool is_temporary = conversations::TemporaryChats::IsTemporary(conversation_id);
    return is_temporary ? work(temporary, temporary) : work(history, journal);
  }

  store::Database& database;
  const conversations::DataKeys keys;
  const conversations::NowMs now_ms;
  conversations::History history;
  conversations::AnswerJournal journal;
  conversations::Shares shares;
  conversations::TemporaryChats temporary;
  net::BlockingPool& blocking;
  upstream::Pool& engines;
  const ConversationRules rules;
  AnswerHub hub;
  Importing importing;
};

// What a client is told of an error of the histories.
ApiError ToConversationError(const Error& error);

template <typename Work>
net::Awaitable<ApiResult<typename std::invoke_result_t<Work&>::value_type>> ConversationService::Do(
    Work work) {
  auto done = co_await blocking.Run(std::move(work));
  if (!done) co_return std::unexpected(ToConversationError(done.error()));
  if (!*done) co_return std::unexpected(ToConversationError(done->error()));
  if constexpr (std::is_void_v<typename std::invoke_result_t<Work&>::value_type>) {
    co_return ApiResult<void>{};
  } else {
    co_return std::move(**done);
  }
}

}  // namespace holdfast::api
