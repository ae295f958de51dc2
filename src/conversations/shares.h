// Shares: a conversation as it was when it was shared, for whoever has the link. The snapshot is
// sealed under a key that is in the link alone: for strangers the server keeps a hash of the token,
// from which neither the link nor the key can be had. For its owner, to show the link again, the
// token is kept sealed under the account's key, which opens the conversation itself anyway.
//
// The snapshot has the branch that was written last, without the drafts beside it. Sharing again
// makes a new link and ends the old one.
//
// Owned by the gateway. Thread-safe; calls block, so they belong on a net::BlockingPool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"
#include "store/database.h"

namespace holdfast::conversations {

struct Share {
  std::string token = {};
  std::int64_t shared_at_ms = 0;
};

struct SharedConversation {
  std::string title = {};
  std::vector<Message> messages = {};
  std::int64_t shared_at_ms = 0;
};

class Shares {
 public:
  Shares(store::Database& database, DataKeys keys, NowMs now_ms)
      : database_(database), keys_(std::move(keys)), now_ms_(std::move(now_ms)) {}

  // Errors: kNotFound; kFailedPrecondition when nothing in it is finished.
  Result<Share> Create(std::string_view account_id, std::string_view conversation_id);
  Result<void> Revoke(std::string_view account_id, std::string_view conversation_id);
  Result<std::optional<Share>> Find(std::string_view account_id, std::string_view conversation_id);

  // For anyone. kNotFound: no such link, or no longer.
  Result<SharedConversation> Open(std::string_view token);

 private:
  store::Database& database_;
  const DataKeys keys_;
  const NowMs now_ms_;
};

}  // namespace holdfast::conversations
