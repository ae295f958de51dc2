#include "api/account/desk_call.h"

#include <utility>

#include "accounts/names.h"
#include "api/account/device.h"
#include "api/account/session_cookie.h"
#include "api/fields.h"
#include "api/reply.h"
#include "base/log.h"
#include "net/event.h"
#include "net/spawn.h"

namespace holdfast::api {
namespace {

bool IsEntrance(const DeskRow& row) {
  return row.kind == guard::Route::kLogin || row.kind == guard::Route::kRegister;
}

// Text that is not there, or is none, is looked at again where it is used.
std::string LooseText(const json::Object& body, std::string_view key) {
  const json::Value* const value = body.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// Whose account a log-in is about: a name, the token of a link, or the id of a passkey.
std::string LoginName(const json::Object& body) {
  for (const char* key : {"name", "token"}) {
    std::string name = LooseText(body, key);
    if (!name.empty()) return name;
  }
  const json::Value* const credential = body.if_contains("credential");
  const bool has_id = credential != nullptr && credential->is_object();
  return has_id ? LooseText(credential->get_object(), "id") : std::string();
}

accounts::Outcome<Answered> Do(const AccountDesk& desk, const DeskRow& row, const Asked& asked) {
  if (row.needs_fresh) TRY(desk.accounts.CheckFresh(asked.who, asked.now));
  return row.work(desk.accounts, asked);
}

class DeskCall final : public Call {
 public:
  DeskCall(const AccountDesk& desk, const DeskRow& row, Asked asked)
      : desk_(desk), row_(row), asked_(std::make_shared<Asked>(std::move(asked))) {}

  net::Awaitable<ApiResult<void>> Prepare() override {
    if (!IsEntrance(row_)) co_return ApiResult<void>{};
    if (!asked_->is_encrypted && !asked_->is_local) {
      co_return std::unexpected(ToApiError(Reason::kNeedsHttps));
    }
    // Whoever is logged in is known by that, and goes by no name that the body says.
    if (row_.access == Access::kMaybeAccount) work_.login_name = LoginName(asked_->body);
    work_.gives_mail = accounts::EmailKey(LooseText(asked_->body, "email")).has_value();
    work_.device =
        desk_.accounts.device_badges().Check(asked_->badge, work_.login_name, asked_->now);
    LookAtChallenge();
    if (row_.kind == guard::Route::kRegister) co_return co_await LookAtInvitation();
    co_return ApiResult<void>{};
  }

  Work work() const override { return work_; }
  void OnEntry(const SignUpEntry& entry) override { asked_->entry = entry; }

  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress& progress) override {
    if (row_.answers_at_once) {
      const Answered answered{row_.documentation.status, json::Object{}};
      const ApiResult<void> told = co_await Tell(reply, answered);
      net::Spawn(reply.exchange().executor(), DoUnwatched(desk_, row_, asked_));
      co_return told;
    }
    auto work = [this, asked = asked_] { return Do(desk_, row_, *asked); };
    const net::TimePoint begun = net::Clock::now();
    const auto done = co_await desk_.pool.Run(std::move(work));
    if (!done) co_return std::unexpected(ToApiError(Reason::kStoreDown));
    if (!*done) {
      const Reason reason = done->error().reason;
      if (reason == Reason::kWrongCredentials) progress.OnFailedLogin();
      co_return std::unexpected(ToApiError(done->error()));
    }
    if (row_.answers_evenly) {
      // The place at the door is for work, not for waiting.
      progress.OnEngineDone(0, 0);
      co_await WaitForStepSince(begun);
    }
    co_return co_await Tell(reply, **done);
  }

 private:
  // What stands for a person before the door is asked: work that was done,
  void LookAtChallenge() {
    const json::Value* const challenge = asked_->body.if_contains("challenge");
    if (challenge == nullptr || !challenge->is_object()) return;
    const json::Object& proof = challenge->as_object();
    const std::string seed = LooseText(proof, "seed");
    const std::string nonce = LooseText(proof, "nonce");
    const int bits_min = asked_->guard.challenge_bits - accounts::ChallengeDesk::kBitsSlack;
    work_.paid_challenge =
        desk_.accounts.challenges().Take(seed, nonce, bits_min, asked_->address, asked_->now);
  }

  // or somebody who invited them.
  net::Awaitable<ApiResult<void>> LookAtInvitation() {
    const std::string invitation = LooseText(asked_->body, "invitation");
    if (invitation.empty()) co_return ApiResult<void>{};
    auto look = [this, invitation, now = asked_->now] {
      return desk_.accounts.invitations().IsGood(invitation, now);
    };
    const auto is_good = co_await desk_.pool.Run(std::move(look));
    if (!is_good) co_return std::unexpected(ToApiError(Reason::kStoreDown));
    if (!*is_good) co_return std::unexpected(ToApiError(is_good->error()));
    work_.has_invitation = **is_good;
    co_return ApiResult<void>{};
  }

  static net::Awaitable<void> WaitForStepSince(net::TimePoint begun) {
    const auto steps = (net::Clock::now() - begun) / kEvenStep + 1;
    net::Event never(co_await net::CurrentExecutor());
    co_await never.Wait(begun + steps * kEvenStep);
  }

  static net::Awaitable<void> DoUnwatched(const AccountDesk& desk, const DeskRow& row,
                                          std::shared_ptr<Asked> asked) {
    auto work = [&desk, &row, asked] { return Do(desk, row, *asked); };
    const auto done = co_await desk.pool.Run(std::move(work));
    if (!done) log::warn("{} was not done: {}", row.pattern, done.error().message);
    if (done && !*done) log::warn("{} was not done: {}", row.pattern, Word(done->error().reason));
  }

  static net::Awaitable<ApiResult<void>> Tell(Reply& reply, const Answered& answered) {
    http::ResponseHead head;
    head.status = answered.status;
    head.headers = answered.headers;
    head.headers.push_back({"Cache-Control", "no-store"});
    if (!answered.file.empty()) {
      head.content_type = answered.file_type;
      co_return co_await reply.Send(head, answered.file);
    }
    std::string body;
    if (!answered.body.is_null()) {
      head.content_type = "application/json";
      body = json::Write(answered.body);
    }
    co_return co_await reply.Send(head, body);
  }

  const AccountDesk& desk_;
  const DeskRow& row_;
  const std::shared_ptr<Asked> asked_;
  Work work_;
};

constexpr std::size_t kBodyBytesMax = 64 << 10;

bool MayHaveBody(http::Method method) {
  return method == http::Method::kPost || method == http::Method::kPut ||
         method == http::Method::kPatch;
}

}  // namespace

std::string_view WhyOf(guard::SignUpRung rung) {
  switch (rung) {
    case guard::SignUpRung::kOpen:
      break;
    case guard::SignUpRung::kChallenge:
      return "Many more than usual register now. A proof of work, which this page computes for "
             "you, or an invitation lets you in.";
    case guard::SignUpRung::kMail:
      return "Many more than usual register now. A mail address that you confirm, and a proof of "
             "work, which this page computes for you, or an invitation lets you in.";
    case guard::SignUpRung::kInvitation:
      return "Many more than usual register now. Only an invitation lets you in until that is "
             "over.";
    case guard::SignUpRung::kClosed:
      return "Far more than usual register now, with invitations, too. Nobody can register until "
             "that is over.";
  }
  return "";
}

Endpoint DeskEndpoint(const AccountDesk& desk, DeskRow row) {
  Endpoint endpoint;
  endpoint.method = row.method;
  endpoint.pattern = row.pattern;
  endpoint.access = row.access;
  endpoint.kind = row.kind;
  endpoint.body_bytes_max = MayHaveBody(row.method) ? kBodyBytesMax : 0;
  endpoint.documentation = row.documentation;
  endpoint.documentation.tag = "accounts";
  const auto shared = std::make_shared<const std::pair<AccountDesk, DeskRow>>(desk, std::move(row));
  endpoint.parse = [shared](const Context& context,
                            std::string body) -> ApiResult<std::unique_ptr<Call>> {
    Asked asked;
    if (!body.empty()) {
      TRY_ASSIGN(asked.body, ParseBody(body));
    }
    Secret::Wipe(body);
    if (context.who != nullptr) asked.who = *context.who;
    asked.params = context.params;
    asked.query = context.head.query;
    asked.device = DeviceOf(context.head.Find("user-agent"));
    asked.badge = DeviceBadge(context.head.FindAll("cookie"), context.is_encrypted);
    asked.address = context.address;
    asked.guard = shared->first.guard();
    asked.log_in = LogInToken(context.head.FindAll("cookie"), context.is_encrypted);
    asked.host = context.head.host;
    asked.is_encrypted = context.is_encrypted;
    asked.is_local = context.is_local;
    asked.may_be_anonymous = context.may_be_anonymous;
    asked.now = shared->first.now();
    return std::make_unique<DeskCall>(shared->first, shared->second, std::move(asked));
  };
  return endpoint;
}

ApiError ToApiError(const accounts::Refused& refused) {
  ApiError error = ToApiError(refused.reason);
  switch (refused.reason) {
    case Reason::kWeakPassword:
    case Reason::kAccountPaused:
    case Reason::kBadRequest:
    case Reason::kRegistrationClosed:
    case Reason::kInvitationRequired:
    case Reason::kTooLarge:
    case Reason::kConflict:
    case Reason::kSecondFactorRequired:
    case Reason::kUnsupported:
      if (!refused.detail.empty()) error.message = refused.detail;
      break;
    case Reason::kInternal:
    case Reason::kStoreDown:
      log::error("an account's request failed: {}", refused.detail);
      break;
    default:
      break;
  }
  if (refused.retry_after_ms)
    error.retry_after = std::chrono::milliseconds(*refused.retry_after_ms);
  return error;
}

accounts::Outcome<std::string> Text(const json::Object& body, std::string_view key,
                                    std::size_t bytes_max) {
  const json::Value* const value = body.if_contains(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string() || value->as_string().size() > bytes_max ||
      std::string_view(value->as_string()).find('\0') != std::string_view::npos) {
    return accounts::Refuse(Reason::kBadRequest,
                            fmt::format("`{}` is a text of at most {} bytes.", key, bytes_max));
  }
  return std::string(value->as_string());
}

accounts::Outcome<Secret> SecretText(const json::Object& body, std::string_view key) {
  TRY_ASSIGN(std::string text, Text(body, key, 4096));
  return Secret(std::move(text));
}

accounts::Outcome<std::optional<std::int64_t>> Number(const json::Object& body,
                                                      std::string_view key, std::int64_t min,
                                                      std::int64_t max) {
  const json::Value* const value = body.if_contains(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_int64() || value->as_int64() < min || value->as_int64() > max) {
    return accounts::Refuse(Reason::kBadRequest,
                            fmt::format("`{}` is a whole number from {} to {}.", key, min, max));
  }
  return value->as_int64();
}

accounts::Outcome<std::vector<std::string>> Texts(const json::Object& body, std::string_view key,
                                                  std::size_t count_max, std::size_t bytes_max) {
  std::vector<std::string> texts;
  const json::Value* const value = body.if_contains(key);
  if (value == nullptr || value->is_null()) return texts;
  const auto refuse = [&] {
    return accounts::Refuse(Reason::kBadRequest,
                            fmt::format("`{}` is a list of at most {} texts of at most {} bytes.",
                                        key, count_max, bytes_max));
  };
  if (!value->is_array() || value->as_array().size() > count_max) return refuse();
  for (const json::Value& one : value->as_array()) {
    if (!one.is_string() || one.as_string().size() > bytes_max) return refuse();
    texts.emplace_back(one.as_string());
  }
  return texts;
}

}  // namespace holdfast::api
