#include "conversations/shares.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "conversations/export.h"
#include "conversations/import.h"
#include "conversations/internal/rows.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::conversations {
namespace {

using store::Transaction;

// A token is the bytes of an id and of a key.
constexpr std::size_t kTokenIdBytes = 16;
constexpr std::size_t kTokenBytes = kTokenIdBytes + crypto::DataKey::kBytes;

std::string HashOf(std::string_view token) {
  crypto::Sha256 digest;
  digest.Update(token);
  return crypto::HexDigest(digest.Finish());
}

std::optional<ColumnSealer> SealerOfToken(std::string_view token) {
  const std::optional<std::string> bytes = crypto::DecodeBase64Url(token);
  if (!bytes || bytes->size() != kTokenBytes) return std::nullopt;
  const auto key = std::as_bytes(std::span(*bytes)).last<crypto::DataKey::kBytes>();
  return ColumnSealer(std::make_shared<const crypto::DataKey>(crypto::DataKey::FromBytes(key)));
}

// From the first message to the one that came last.
std::vector<Message> LastBranch(const std::vector<Message>& messages) {
  std::unordered_map<std::string_view, const Message*> by_id;
  for (const Message& message : messages) by_id.emplace(message.id, &message);
  std::vector<Message> branch;
  const Message* at = messages.empty() ? nullptr : &messages.back();
  while (at != nullptr && branch.size() < messages.size()) {
    if (at->state != MessageState::kStreaming) branch.push_back(*at);
    const auto parent = at->parent ? by_id.find(*at->parent) : by_id.end();
    at = parent == by_id.end() ? nullptr : parent->second;
  }
  std::ranges::reverse(branch);
  return branch;
}

}  // namespace

Result<Share> Shares::Create(std::string_view account_id, std::string_view conversation_id) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  const Share share{.token = crypto::RandomToken(kTokenBytes), .shared_at_ms = now_ms_()};
  const std::string hash = HashOf(share.token);
  TRY(database_.Write([&](Transaction& t) -> Result<void> {
    ConversationTree tree;
    TRY_ASSIGN(tree.conversation, ReadConversation(t, sealer, account_id, conversation_id));
    TRY_ASSIGN(tree.messages, ReadMessages(t, sealer, conversation_id));
    tree.messages = LastBranch(tree.messages);
    if (tree.messages.empty()) {
      return Fail(ErrorCode::kFailedPrecondition, "there is nothing to share yet");
    }
    // The folder is the owner's.
    tree.conversation.folder = std::nullopt;
    const std::string snapshot =
        SealerOfToken(share.token)
            ->Seal(kShareSnapshot, hash,
                   std::string_view(ExportJson({&tree, 1}, share.shared_at_ms)));
    TRY(t.Execute("DELETE FROM shares WHERE conversation_id = :id", {conversation_id}));
    TRY(
        t.Execute("INSERT INTO shares (token_hash, conversation_id, token, shared_at, snapshot)"
                  " VALUES (:hash, :id, :token, :at, :snapshot)",
                  {hash, conversation_id,
                   sealer.Seal(kShareToken, conversation_id, std::string_view(share.token)),
                   share.shared_at_ms, snapshot}));
    return {};
  }));
  return share;
}

Result<void> Shares::Revoke(std::string_view account_id, std::string_view conversation_id) {
  return database_.Write([&](Transaction& t) -> Result<void> {
    TRY(RequireConversation(t, account_id, conversation_id));
    TRY(t.Execute("DELETE FROM shares WHERE conversation_id = :id", {conversation_id}));
    return {};
  });
}

Result<std::optional<Share>> Shares::Find(std::string_view account_id,
                                          std::string_view conversation_id) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  return database_.Read([&](Transaction& t) -> Result<std::optional<Share>> {
    TRY(RequireConversation(t, account_id, conversation_id));
    TRY_ASSIGN(const auto row,
               t.QueryOne("SELECT token, shared_at FROM shares WHERE conversation_id = :id",
                          {conversation_id}));
    if (!row) return std::optional<Share>();
    TRY_ASSIGN(std::string token,
               sealer.Open(kShareToken, conversation_id, std::string_view(row->Text(0))));
    return std::optional(Share{.token = std::move(token), .shared_at_ms = row->Number(1)});
  });
}

Result<SharedConversation> Shares::Open(std::string_view token) {
  const std::optional<ColumnSealer> sealer = SealerOfToken(token);
  if (!sealer) return Fail(ErrorCode::kNotFound, "there is no such shared conversation");
  const std::string hash = HashOf(token);
  TRY_ASSIGN(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne("SELECT snapshot, shared_at FROM shares WHERE token_hash = :hash", {hash});
  }));
  if (!row) return Fail(ErrorCode::kNotFound, "there is no such shared conversation");
  TRY_ASSIGN(const std::string snapshot,
             sealer->Open(kShareSnapshot, hash, std::string_view(row->Text(0))));
  TRY_ASSIGN(std::vector<ConversationTree> trees, ParseImport(snapshot, kSnapshotLimits));
  if (trees.size() != 1) return Fail(ErrorCode::kCorrupt, "a snapshot of another count than one");
  return SharedConversation{.title = std::move(trees[0].conversation.title),
                            .messages = std::move(trees[0].messages),
                            .shared_at_ms = row->Number(1)};
}

}  // namespace holdfast::conversations
