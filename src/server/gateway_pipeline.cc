#include "server/gateway_pipeline.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/account/desk_call.h"
#include "api/account/session_cookie.h"
#include "base/log.h"
#include "base/mix.h"
#include "server/request_steps.h"
#include "server/wall_clock.h"

namespace holdfast::server {

// What is remembered of one request until it is settled.
struct GatewayPipeline::Record {
  explicit Record(http::Exchange& exchange) : reply(exchange, id) {}

  const std::string id = NewRequestId();
  api::Reply reply;
  net::TimePoint began = net::Clock::now();
  Identity identity;
  bool is_direct = true;  // No proxy asks for it.
  FoundEndpoint found;
  std::optional<accounts::Identity> who;
  std::unique_ptr<api::Call> call;
  LiveDoor::Ticket ticket;
  std::optional<api::Progress> progress;
  std::uint32_t prompt_bytes = 0;
  // Of an account's answer.
  accounts::UsageBoard::Line usage;
  RequestsAtOnce::Place place;
  bool has_told_level = false;
};

namespace {

using std::chrono::milliseconds;

// A waiting caller hears of it after so long, and then so often. The head of an answer that is not
// a stream goes out later, since with it goes the chance to say no by status.
constexpr milliseconds kNoticeAfter{1'000};
constexpr milliseconds kNoticeAfterWhole{5'000};
constexpr milliseconds kNoticeEvery{4'000};
constexpr milliseconds kNoticeSpread{800};

// A crowd that came in one second is not told in one second ever after.
milliseconds UntilNextNotice(net::TimePoint now) {
  const auto bits = static_cast<std::uint64_t>(now.time_since_epoch().count());
  return kNoticeEvery + milliseconds(Mix64(bits) % kNoticeSpread.count());
}

// An account older than this has had days of ordinary use.
constexpr accounts::TimeMs kHistoryMs = 7 * accounts::kDayMs;

std::int64_t EstimatedTokens(std::uint32_t prompt_bytes) {
  constexpr std::uint32_t kBytesPerToken = 4;
  return (prompt_bytes + kBytesPerToken - 1) / kBytesPerToken;
}

std::uint32_t ReadNumber(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::min(number, max) : 0;
}

// What the page sends is a chat; what anybody else sends, a call of the API.
guard::Route KindOf(guard::Route kind, const http::RequestHead& head) {
  const bool is_page = kind == guard::Route::kApi && head.Find("sec-fetch-site") == "same-origin";
  return is_page ? guard::Route::kChat : kind;
}

guard::RequestFacts FactsOf(const http::RequestHead& head, guard::Route kind,
                            const Identity& identity, const api::Work& work) {
  constexpr std::uint32_t kAttemptMax = 255;
  constexpr std::uint32_t kPatienceSecondsMax = 86'400;
  guard::RequestFacts facts;
  facts.caller = identity.caller;
  facts.caller.device = work.device;
  facts.standing = identity.standing;
  facts.route = KindOf(kind, head);
  facts.payload = work.sketch;
  facts.prompt_tokens = work.prompt_tokens;
  facts.prompt_bytes = work.prompt_bytes;
  facts.tokens_max = work.tokens_max;
  facts.choices = static_cast<std::uint16_t>(work.choices);
  facts.paid_challenge = work.paid_challenge;
  facts.has_invitation = work.has_invitation;
  facts.gives_mail = work.gives_mail;
  facts.form_time = work.form_time;
  facts.attempt =
      static_cast<std::uint8_t>(ReadNumber(head.Find("x-stainless-retry-count"), kAttemptMax));
  facts.patience =
      std::chrono::seconds(ReadNumber(head.Find("x-stainless-timeout"), kPatienceSecondsMax));
  return facts;
}

Reason ReasonOf(const guard::Door::Word& refusal) {
  return guard::ToReason(refusal.refusal).value_or(Reason::kInternal);
}

guard::Ending EndingOf(const std::optional<Reason>& reason) {
  if (!reason) return guard::Ending::kServed;
  const bool left = *reason == Reason::kClientLeft || *reason == Reason::kSlowReader;
  return left ? guard::Ending::kAbandoned : guard::Ending::kFailed;
}

std::uint32_t Count(std::int64_t tokens) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(tokens, 0, UINT32_MAX));
}

guard::OutcomeFacts OutcomeOf(const api::Progress& progress, net::TimePoint began,
                              const std::optional<Reason>& reason) {
  guard::OutcomeFacts outcome;
  outcome.ending = EndingOf(reason);
  outcome.prompt_tokens = Count(progress.prompt_tokens());
  outcome.output_tokens = Count(progress.output_tokens());
  if (const auto first = progress.first_token_at()) {
    outcome.first_token = std::chrono::duration_cast<guard::Duration>(*first - began);
  }
  outcome.token_interval = progress.token_interval();
  outcome.was_read = !reason;
  outcome.failed_login = progress.has_failed_login();
  return outcome;
}

}  // namespace

net::Awaitable<api::ApiResult<void>> GatewayPipeline::Run(http::Exchange& exchange,
                                                          Record& record) {
  // Edge: for whom the connection speaks, by proxies that we trust, and to whom it wants to speak.
  // The address itself passed the guard's door before its first byte was read.
  CO_TRY(CheckEdge(exchange, record));

  // A page of another origin that asks whether it may ask is answered by the rules alone.
  if (http::IsPreflight(exchange.head())) co_return co_await AnswerPreflight(exchange, record);

  // The endpoint says which limits hold, who may call it, and whether the rest is worth anything.
  CO_TRY(FindEndpoint(exchange, record));
  const api::Endpoint& endpoint = *record.found.endpoint;

  // A stranger who is over a limit in any case costs no more than the head: no look-up, no body,
  // and an answer that is written already.
  CO_TRY(co_await TurnAway(exchange, record));
  exchange.SendHeld();

  // From the head alone, so that a stranger costs no body.
  CO_TRY(co_await FindWho(exchange, record));

  // A head that promises no readable body is refused before the body is on the way.
  CO_TRY(CheckBodyHead(exchange.head(), endpoint));

  // The body before the ticket: a slow upload never holds a place.
  CO_TRY_ASSIGN(std::string body, co_await ReadBody(exchange, rules_.body, endpoint));

  // What is asked, and what it will cost. What is wrong with it is said before it waits for
  // anything.
  const api::Context context = ContextOf(exchange, record);
  CO_TRY_ASSIGN(record.call, endpoint.parse(context, std::move(body)));
  CO_TRY(co_await record.call->Prepare());

  // A place among the answers under way, or in the queue for one. Nothing is answered 200 before.
  const api::Work work = record.call->work();
  CO_TRY(co_await CheckQuota(record, work));
  if (endpoint.kind) {
    if (guard::IsGeneration(*endpoint.kind) && !exchange.BeginLongAnswer()) {
      co_return std::unexpected(api::ToApiError(Reason::kConnectionsFull));
    }
    if (!work.login_name.empty()) hasher_.NameLogin(record.identity, work.login_name);
    guard::RequestFacts facts = FactsOf(exchange.head(), *endpoint.kind, record.identity, work);
    if (guard::IsGeneration(*endpoint.kind)) {
      facts.paid_challenge = SpendPass(exchange.head(), record.identity);
    }
    CO_TRY_ASSIGN(record.ticket, co_await Admit(facts, record, work.is_stream));
    if (record.ticket.tokens_max() > 0) record.call->ShortenTo(record.ticket.tokens_max());
    record.call->OnEntry(record.ticket.entry());
  }

  // The call answers. How it ends is settled by who called this.
  record.progress.emplace([&record] { record.ticket.OnFirstToken(); },
                          [&record] {
                            EndTicket(record, std::nullopt);
                            record.place.Release();
                          },
                          [&record](const api::TokenCounts& counts) {
                            if (counts.prompt > 0) record.usage.SetPrompt(counts.prompt);
                            record.usage.SetOutput(counts.output);
                          });
  exchange.stop().StopAt(net::Clock::now() + rules_.answer_time_max);
  co_return co_await record.call->Run(record.reply, *record.progress);
}

net::Awaitable<void> GatewayPipeline::Serve(http::Exchange& exchange) {
  Record record(exchange);
  Name(exchange, record);
  const api::ApiResult<void> ended = co_await Run(exchange, record);
  co_await Settle(exchange, record, ended);
}

net::Awaitable<void> GatewayPipeline::Refuse(http::Exchange& exchange,
                                             const http::Refusal& refusal) {
  Record record(exchange);
  Name(exchange, record);
  const api::ApiResult<void> ended = std::unexpected(api::ToApiError(refusal));
  co_await Settle(exchange, record, ended);
}

net::Awaitable<void> GatewayPipeline::Settle(http::Exchange& exchange, Record& record,
                                             const api::ApiResult<void>& ended) {
  // The work is over, though its end is not told yet.
  record.place.Release();
  TellLevel(record, 0);
  const std::optional<Reason> reason = co_await TellEnd(exchange, record.reply, ended);
  EndTicket(record, reason);
  if (record.who) co_await Charge(record);
  settlement_.Settle({.endpoint = record.found.endpoint,
                      .method = exchange.head().method,
                      .status = exchange.status(),
                      .reason = reason,
                      .took = net::Clock::now() - record.began,
                      .request_id = record.id});
}

// At the end of the engine's work, or of the request if that comes first; then it has no effect.
void GatewayPipeline::EndTicket(Record& record, const std::optional<Reason>& reason) {
  if (record.progress) record.ticket.End(OutcomeOf(*record.progress, record.began, reason));
}

// The id goes into the answer whoever makes it, so that both sides can name the request.
void GatewayPipeline::Name(http::Exchange& exchange, const Record& record) const {
  exchange.AddHeader(std::string(kRequestIdHeader), record.id);
  exchange.AddHeaderLines(header_lines_);
  for (http::Header& header : http::CorsHeaders(exchange.head(), rules_.cors)) {
    exchange.AddHeader(std::move(header.name), std::move(header.value));
  }
}

api::ApiResult<void> GatewayPipeline::CheckEdge(const http::Exchange& exchange,
                                                Record& record) const {
  const http::RequestHead& head = exchange.head();
  const http::ClientFacts peer{exchange.facts().peer, exchange.facts().is_encrypted, {}};
  const auto client = http::ClientOf(head, peer, rules_.trusted_proxies);
  if (!client) return std::unexpected(api::ToApiError(client.error()));
  record.identity = hasher_.Identify(head, *client);
  record.identity.is_local = IsThisMachine(head, peer.address, rules_.this_machine);
  record.is_direct = client->address == peer.address;
  if (!record.is_direct) {
    // Only now is it known for whom the proxy speaks, so the door's edge is here.
    if (const auto refusal = door_.Edge(record.identity.caller)) {
      return std::unexpected(door_.ErrorOf(*refusal));
    }
  }
  const auto host = http::CheckHost(head, rules_.hosts);
  if (!host) return std::unexpected(api::ToApiError(host.error()));
  return {};
}

net::Awaitable<api::ApiResult<void>> GatewayPipeline::AnswerPreflight(http::Exchange& exchange,
                                                                      Record& record) const {
  std::string methods;
  const http::RequestHead& head = exchange.head();
  const auto found = table_.Find(head.method, head.path, methods);
  if (!found && methods.empty()) co_return std::unexpected(found.error());
  const auto allowed = http::AnswerPreflight(head, rules_.cors, methods);
  if (!allowed) co_return std::unexpected(api::ToApiError(allowed.error()));
  co_return co_await record.reply.Send(*allowed, {});
}

api::ApiResult<void> GatewayPipeline::FindEndpoint(http::Exchange& exchange, Record& record) const {
  std::string allow;
  api::ApiResult<FoundEndpoint> found =
      table_.Find(exchange.head().method, exchange.head().path, allow);
  if (!found) {
    if (!allow.empty()) exchange.AddHeader("Allow", std::move(allow));
    return std::unexpected(std::move(found).error());
  }
  record.found = std::move(*found);
  record.reply.SetDialect(record.found.endpoint->dialect);
  if (record.found.endpoint->access == api::Access::kThisMachine && !record.identity.is_local) {
    return std::unexpected(api::ToApiError(Reason::kForbidden));
  }
  return {};
}

// What the limits say of this request can be told by its head. An entrance's pass is in its body.
bool GatewayPipeline::CanBeForeseen(const http::RequestHead& head, const Record& record) const {
  const api::Endpoint& endpoint = *record.found.endpoint;
  if (!endpoint.kind) return false;
  if (guard::IsGeneration(*endpoint.kind)) {
    if (!PassOf(head, record.identity).empty()) return false;
  } else if (*endpoint.kind != guard::Route::kPage) {
    return false;
  }
  return authenticator_ == nullptr || authenticator_->IsStranger(head, record.identity, endpoint);
}

net::Awaitable<api::ApiResult<void>> GatewayPipeline::TurnAway(http::Exchange& exchange,
                                                               Record& record) {
  const http::RequestHead& head = exchange.head();
  if (!CanBeForeseen(head, record)) co_return api::ApiResult<void>{};
  const api::Endpoint& endpoint = *record.found.endpoint;
  const api::Work work{.prompt_bytes = Count(head.content_length.value_or(0))};
  const guard::RequestFacts facts = FactsOf(head, *endpoint.kind, record.identity, work);
  const std::optional<guard::Door::Word> refusal = door_.AskHead(facts);
  if (!refusal) co_return api::ApiResult<void>{};
  NoteRefusal(record, exchange.facts().peer);
  const auto [answer, body] = refusal_texts_.Fill(*refusal, endpoint.dialect, record.id);
  TellLevel(record, 0);
  co_await exchange.SendUnread(answer, body);
  if (record.is_direct) exchange.AnswerRepeats(TurnAwayAgain(exchange, record, facts));
  api::ApiError told;  // What it was told is out; only the reason still counts.
  told.reason = ReasonOf(*refusal);
  co_return std::unexpected(std::move(told));
}

// What the same request is told when it comes again over its connection. All that its answer
// depends on is known then, but for what the door says, which is asked each time. A proxy's
// connection speaks for many, and whom it speaks for passes the door's edge anew.
http::Repeats::Again GatewayPipeline::TurnAwayAgain(const http::Exchange& exchange,
                                                    const Record& record,
                                                    const guard::RequestFacts& facts) {
  std::string lines =
      header_lines_ + http::ToLines(http::CorsHeaders(exchange.head(), rules_.cors));
  return [this, facts, lines = std::move(lines), endpoint = record.found.endpoint,
          method = exchange.head().method,
          peer = exchange.facts().peer]() -> std::optional<http::Repeats::Answer> {
    const net::TimePoint began = net::Clock::now();
    const std::optional<guard::Door::Word> refusal = door_.AskHead(facts);
    if (!refusal) return std::nullopt;
    if (book_ != nullptr) book_->Note(facts.caller.address, peer);
    const std::string id = NewRequestId();
    auto [head, body] = refusal_texts_.Fill(*refusal, endpoint->dialect, id);
    head.lines.append(kRequestIdHeader).append(": ").append(id).append("\r\n").append(lines);
    if (const guard::Rung rung = door_.rung();
        rung != guard::Rung::kOpen && guard::IsGeneration(*endpoint->kind)) {
      head.lines.append(api::kLevelHeader).append(": ");
      head.lines.append(guard::RungWord(rung)).append("\r\n");
    }
    settlement_.Settle({.endpoint = endpoint,
                        .method = method,
                        .status = head.status,
                        .reason = ReasonOf(*refusal),
                        .took = net::Clock::now() - began,
                        .request_id = id});
    return http::Repeats::Answer{std::move(head), std::move(body)};
  };
}

// An account is a client of its own, wherever it asks from.
net::Awaitable<api::ApiResult<void>> GatewayPipeline::FindWho(http::Exchange& exchange,
                                                              Record& record) const {
  hasher_.NameStranger(record.identity, exchange.head());
  if (authenticator_ == nullptr) co_return api::ApiResult<void>{};
  auto who =
      co_await authenticator_->Look(exchange.head(), record.identity, *record.found.endpoint);
  if (!who) co_return std::unexpected(std::move(who).error());
  record.who = std::move(*who);
  if (record.who) {
    const bool has_history = WallClockMs() - record.who->created_at > kHistoryMs;
    hasher_.NameAccount(record.identity, record.who->account_id, record.who->key_id);
    record.identity.standing = has_history ? guard::Standing::kHistory : guard::Standing::kNew;
  }
  co_return api::ApiResult<void>{};
}

api::Context GatewayPipeline::ContextOf(const http::Exchange& exchange, Record& record) const {
  api::Context context{exchange.head(), std::move(record.found.params), record.id,
                       record.identity.client};
  context.who = record.who ? &*record.who : nullptr;
  context.address = record.identity.caller.address;
  context.is_encrypted = record.identity.is_encrypted;
  context.is_local = record.identity.is_local;
  context.may_be_anonymous =
      authenticator_ == nullptr || authenticator_->MayBeAnonymous(record.identity);
  return context;
}

// A pass is worth something to who may be asked for one.
std::string GatewayPipeline::PassOf(const http::RequestHead& head, const Identity& identity) const {
  if (office_ == nullptr || identity.standing == guard::Standing::kHistory) return {};
  if (const std::string_view pass = head.Find("x-holdfast-pass"); !pass.empty()) {
    return std::string(pass);
  }
  return std::string(api::PassToken(head.FindAll("cookie"), identity.is_encrypted));
}

// It is spent by the request.
bool GatewayPipeline::SpendPass(const http::RequestHead& head, const Identity& identity) const {
  const std::string pass = PassOf(head, identity);
  return !pass.empty() &&
         office_->accounts().challenges().SpendPass(pass, identity.caller.address, WallClockMs());
}

// Before it waits for anything: whether this account may have an answer of this model at all.
net::Awaitable<api::ApiResult<void>> GatewayPipeline::CheckQuota(Record& record,
                                                                 const api::Work& work) const {
  record.prompt_bytes = work.prompt_bytes;
  const std::optional<guard::Route>& kind = record.found.endpoint->kind;
  if (!record.who || !kind || !guard::IsGeneration(*kind)) co_return api::ApiResult<void>{};
  const std::vector<std::string>& models = record.who->scope.models;
  if (!models.empty() && std::ranges::find(models, work.model) == models.end()) {
    co_return api::FailApi(Reason::kForbidden, "This API key is not for this model.", "model");
  }
  const auto may_ask = accounts::CheckProbation(*record.who, door_.registration().calm(),
                                                office_->accounts().probation_ms(), WallClockMs());
  if (!may_ask) co_return std::unexpected(api::ToApiError(may_ask.error()));
  auto check = [this, who = *record.who] {
    return office_->accounts().ledger().Check(who, WallClockMs());
  };
  const auto checked = co_await office_->pool().Run(std::move(check));
  if (!checked) co_return std::unexpected(api::ToApiError(Reason::kStoreDown));
  if (!*checked) co_return std::unexpected(api::ToApiError(checked->error()));
  auto place = office_->requests_at_once().Take(*record.who, **checked);
  if (!place) co_return std::unexpected(api::ToApiError(Reason::kYourConcurrency));
  record.place = std::move(*place);
  record.usage = office_->board().Begin(record.id, record.who->account_id, record.who->key_id);
  record.usage.SetPrompt(EstimatedTokens(work.prompt_bytes));
  co_return api::ApiResult<void>{};
}

// What was relayed, also of an answer that was cut off; nothing where none had begun. The tokens
// are the engine's count up to there; of an engine that does not tell as it goes, our best guess.
// Its line on the board goes after the charge: a crash between the two charges it again, which
// changes nothing.
net::Awaitable<void> GatewayPipeline::Charge(Record& record) const {
  const accounts::UsageBoard::Line line = std::move(record.usage);
  const std::optional<guard::Route> kind =
      record.found.endpoint != nullptr ? record.found.endpoint->kind : std::nullopt;
  const bool is_answer = record.who && kind && guard::IsGeneration(*kind) && record.progress;
  if (!is_answer || record.progress->output_tokens() == 0) co_return;
  accounts::Usage usage{record.id, record.who->account_id, record.who->key_id,
                        record.progress->prompt_tokens(), record.progress->output_tokens()};
  if (usage.prompt_tokens == 0) usage.prompt_tokens = EstimatedTokens(record.prompt_bytes);
  auto charge = [this, usage, was_cut = record.progress->was_cut()] {
    return office_->accounts().ledger().Charge(usage, was_cut, WallClockMs());
  };
  const auto charged = co_await office_->pool().Run(std::move(charge));
  if (!charged || !*charged) log::error("an answer could not be charged: {}", record.id);
}

net::Awaitable<api::ApiResult<LiveDoor::Ticket>> GatewayPipeline::Admit(
    const guard::RequestFacts& facts, Record& record, bool is_stream) const {
  api::Reply& reply = record.reply;
  api::ApiResult<LiveDoor::Ticket> ticket = door_.Ask(facts, reply.exchange().executor());
  TellLevel(record, ticket ? ticket->tokens_max() : 0);
  if (!ticket) {
    NoteRefusal(record, reply.exchange().facts().peer);
    co_return std::unexpected(std::move(ticket).error());
  }
  const api::ApiResult<void> waited = co_await WaitForTurn(*ticket, reply, is_stream);
  if (waited) co_return std::move(*ticket);
  guard::OutcomeFacts outcome;
  outcome.ending =
      reply.exchange().is_peer_gone() ? guard::Ending::kAbandoned : guard::Ending::kFailed;
  ticket->End(outcome);
  co_return std::unexpected(waited.error());
}

// Once, as it is when the door has answered, or when something else has before.
void GatewayPipeline::TellLevel(Record& record, std::uint32_t tokens_max) const {
  const api::Endpoint* const endpoint = record.found.endpoint;
  const bool is_answer =
      endpoint != nullptr && endpoint->kind && guard::IsGeneration(*endpoint->kind);
  if (!is_answer || record.reply.has_begun() || std::exchange(record.has_told_level, true)) return;
  const guard::Rung rung = door_.rung();
  if (rung == guard::Rung::kOpen && tokens_max == 0) return;
  record.reply.TellLevel(guard::RungWord(rung), tokens_max);
}

// Behind a proxy the kernel sees the proxy, and must not drop it for others.
void GatewayPipeline::NoteRefusal(const Record& record, const net::Address& peer) const {
  if (book_ != nullptr && record.is_direct) book_->Note(record.identity.caller.address, peer);
}

net::Awaitable<api::ApiResult<void>> GatewayPipeline::WaitForTurn(LiveDoor::Ticket& ticket,
                                                                  api::Reply& reply,
                                                                  bool is_stream) const {
  const net::StopSource::Listener stopped = reply.stop().OnStop([&ticket] { ticket.Wake(); });
  net::TimePoint notice_at = net::Clock::now() + (is_stream ? kNoticeAfter : kNoticeAfterWhole);
  while (ticket.is_waiting()) {
    if (reply.stop().is_stopped()) {
      co_return std::unexpected(api::ToApiError(reply.stop().reason()));
    }
    const bool is_woken = co_await ticket.Wait(notice_at);
    if (is_woken) continue;
    const net::TimePoint now = net::Clock::now();
    notice_at = now + UntilNextNotice(now);
    if (const auto notice = ticket.notice()) CO_TRY(co_await reply.Waiting(*notice, is_stream));
  }
  if (std::optional<api::ApiError> refusal = ticket.refusal()) {
    co_return std::unexpected(std::move(*refusal));
  }
  co_return api::ApiResult<void>{};
}

}  // namespace holdfast::server
