#include "api/openai/answer_call.h"

#include <algorithm>
#include <utility>

#include "api/openai/answer_request.h"
#include "api/openai/event_relay.h"
#include "api/openai/model_list.h"
#include "api/reply.h"
#include "base/log.h"

namespace holdfast::api {
namespace {

class AnswerCall final : public Call {
 public:
  AnswerCall(upstream::Pool& pool, upstream::Call call, const AnswerRequest& request)
      : pool_(pool),
        call_(std::move(call)),
        work_(request.work),
        tokens_default_(request.tokens_default) {}

  Work work() const override { return work_; }

  void ShortenTo(std::uint32_t tokens_max) override {
    // It never makes longer what is short by itself.
    if (tokens_default_ > 0) tokens_max = std::min(tokens_max, tokens_default_);
    call_.body = std::make_shared<const std::string>(WithTokensMax(*call_.body, tokens_max));
  }

  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress& progress) override {
    auto opened = co_await pool_.Open(std::move(call_), reply.stop());
    if (!opened) co_return std::unexpected(ToApiError(opened.error()));
    upstream::AnswerStream& answer = **opened;
    if (answer.is_stream()) co_return co_await RelayEvents(answer, reply, progress);
    co_return co_await RelayWhole(answer, reply, progress);
  }

 private:
  static net::Awaitable<ApiResult<void>> RelayWhole(upstream::AnswerStream& answer, Reply& reply,
                                                    Progress& progress) {
    const upstream::AnswerStream::Part part = co_await answer.Next();
    if (!part) co_return std::unexpected(ToApiError(part.error()));
    if (!*part) co_return FailApi(Reason::kUpstreamDown, "The engine's answer was empty.");
    // Only with its end is the answer a success of the engine, and its connection free again.
    const upstream::AnswerStream::Part end = co_await answer.Next();
    if (!end) co_return std::unexpected(ToApiError(end.error()));
    progress.OnTokens(1);
    ReportUsage(answer, progress);
    http::ResponseHead head;
    head.content_type = "application/json";
    head.headers.push_back({"Cache-Control", "no-store"});
    co_return co_await reply.Send(head, (*part)->raw);
  }

  upstream::Pool& pool_;
  upstream::Call call_;
  const Work work_;
  const std::uint32_t tokens_default_;
};

}  // namespace

Endpoint::Parse AnswerFrom(upstream::Pool& pool, std::string path) {
  return [&pool, path = std::move(path)](const Context& context,
                                         std::string body) -> ApiResult<std::unique_ptr<Call>> {
    TRY_ASSIGN(AnswerRequest request, ReadAnswerRequest(body, context.client));
    TRY_ASSIGN(std::string model, ChooseModel(pool, request.model));
    if (model != request.model) body = WithModel(std::move(body), model);
    upstream::Call call;
    call.path = path;
    call.body = std::make_shared<const std::string>(std::move(body));
    call.model = std::move(model);
    call.prefix_key = request.prefix_key;
    call.wants_stream = request.work.is_stream;
    call.choices = request.work.choices;
    call.request_id = context.request_id;
    call.client = context.client;
    return std::make_unique<AnswerCall>(pool, std::move(call), request);
  };
}

ApiResult<std::string> ChooseModel(const upstream::Pool& pool, const std::string& named) {
  if (!named.empty() && pool.FindModel(named)) return named;
  const std::vector<upstream::ModelInfo> models = pool.Models();
  if (models.empty()) return named;  // No engine is up: the guard says so, with when to come again.
  if (!named.empty()) return std::unexpected(ModelNotFound(named));
  if (models.size() > 1) {
    return FailApi(Reason::kBadRequest, "'model' is missing, and more than one is served", "model");
  }
  return models.front().id;
}

std::optional<TokenCounts> CountsOf(const upstream::Delta& delta) {
  if (!delta.usage || !delta.usage->prompt || !delta.usage->completion) return std::nullopt;
  const TokenCounts counts{*delta.usage->prompt, *delta.usage->completion};
  // Less than nothing is not believed.
  if (counts.prompt < 0 || counts.output < 0) return std::nullopt;
  return counts;
}

void ReportUsage(const upstream::AnswerStream& answer, Progress& progress) {
  const upstream::Usage& usage = answer.usage();
  progress.OnEngineDone(usage.prompt.value_or(0),
                        usage.completion.value_or(progress.output_tokens()));
}

ApiError ToApiError(const upstream::Failure& failure) {
  ApiError made = ToApiError(upstream::ToReason(failure));
  if (failure.kind == upstream::FailureKind::kStopped) return made;
  if (failure.kind == upstream::FailureKind::kRefused && failure.error) {
    // What is wrong with the request is for its client to read, in the engine's words.
    made.message = failure.error->message;
    made.param = failure.error->param;
    made.code = failure.error->code;
    made.status = failure.status;
    return made;
  }
  made.retry_after = failure.retry_after;
  log::warn("engine {}: {}: {}", failure.engine, upstream::FailureWord(failure.kind),
            failure.cause.message);
  if (failure.has_begun && made.reason == Reason::kEngineRestarting) {
    made.message = "The engine stopped in the middle of this answer and is restarting.";
  }
  return made;
}

}  // namespace holdfast::api
