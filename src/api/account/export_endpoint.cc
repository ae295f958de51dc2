#include "api/account/export_endpoint.h"

#include <utility>
#include <vector>

#include "api/account/account_json.h"
#include "api/account/passkey_json.h"
#include "archives/zip_writer.h"
#include "conversations/export.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;

// A failure of what lies below, for the log.
template <typename T>
Outcome<T> Known(Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    if (result) return {};
  } else {
    if (result) return std::move(*result);
  }
  const bool is_large = result.error().code == ErrorCode::kTooLarge;
  if (is_large) return accounts::Refuse(Reason::kTooLarge, result.error().message);
  return std::unexpected(accounts::ToRefused(result.error()));
}

Outcome<std::string> AccountText(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const auto account, desk.people().Find(asked.who.account_id));
  if (!account) return accounts::Refuse(Reason::kNotFound);
  TRY_ASSIGN(const auto factors, desk.FactorsOf(asked.who.account_id));
  TRY_ASSIGN(const auto passkeys, desk.passkey_desk().passkeys().List(asked.who.account_id));
  TRY_ASSIGN(const auto report, desk.ledger().Report(asked.who.account_id, asked.now));
  TRY_ASSIGN(const auto keys, desk.keys().List(asked.who.account_id));
  json::Object body;
  body["account"] = AccountJson(*account, factors);
  body["usage"] = UsageJson(report, keys);
  json::Array list;
  for (const accounts::KeyInfo& key : keys) list.push_back(KeyJson(key, 0));
  body["keys"] = std::move(list);
  TRY_ASSIGN(const auto identities, desk.identities().List(asked.who.account_id));
  json::Array log_ins;
  for (const accounts::LinkedIdentity& one : identities) {
    log_ins.push_back(json::Object{{"issuer", one.issuer},
                                   {"linked_at", one.linked_at},
                                   {"last_used_at", OrNull(one.last_used_at)}});
  }
  body["log_ins"] = std::move(log_ins);
  json::Array passkey_list;
  for (const accounts::PasskeyInfo& one : passkeys) passkey_list.push_back(PasskeyJson(one));
  body["passkeys"] = std::move(passkey_list);
  body["exported_at"] = asked.now;
  return json::Write(body);
}

Outcome<Answered> Export(Accounts& desk, conversations::History& history, const Asked& asked) {
  const std::string& id = asked.who.account_id;
  TRY(desk.Record(audit::EventKind::kExportMade, id, id));
  TRY_ASSIGN(const auto archive, Known(archives::ZipWriter::Make()));
  TRY_ASSIGN(std::string account, AccountText(desk, asked));
  TRY(Known(archive->Add("account.json", std::move(account))));
  TRY_ASSIGN(const std::vector<std::string> ids, Known(history.Ids(id)));
  std::vector<conversations::ConversationTree> trees;
  std::size_t number = 0;
  for (const std::string& one : ids) {
    Result<conversations::ConversationTree> tree = history.Get(id, one);
    // Deleted since the list was made.
    if (!tree && tree.error().code == ErrorCode::kNotFound) continue;
    TRY_ASSIGN(conversations::ConversationTree known, Known(std::move(tree)));
    TRY(Known(archive->Add(fmt::format("conversations/{:05}.md", ++number),
                           conversations::ExportMarkdown(known))));
    trees.push_back(std::move(known));
  }
  TRY(Known(archive->Add("conversations.json", conversations::ExportJson(trees, asked.now))));
  Answered answered;
  TRY_ASSIGN(answered.file, Known(archive->Finish()));
  answered.file_type = "application/zip";
  answered.headers.push_back({"Content-Disposition", "attachment; filename=\"holdfast.zip\""});
  return answered;
}

}  // namespace

Endpoint ExportEndpoint(const AccountDesk& desk, conversations::History& history) {
  return DeskEndpoint(
      desk, {.pattern = "/api/me/export",
             .work = [&history](Accounts& accounts,
                                const Asked& asked) { return Export(accounts, history, asked); },
             .documentation = {.id = "exportAccount",
                               .summary = "All that is this account's, as a ZIP.",
                               .answer_type = "application/zip",
                               .statuses = {404, 413}}});
}

}  // namespace holdfast::api
