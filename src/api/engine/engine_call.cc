#include "api/engine/engine_call.h"

#include <utility>

namespace holdfast::api {
namespace {

class EngineCall final : public Call {
 public:
  EngineCall(const EngineService& service, EngineHandler handler, EngineRequest request)
      : service_(service), handler_(handler), request_(std::move(request)) {}
  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress&) override {
    return handler_(service_, reply, request_);
  }

 private:
  const EngineService& service_;
  const EngineHandler handler_;
  const EngineRequest request_;
};

}  // namespace

Endpoint::Parse AnsweredBy(const EngineService& service, EngineHandler handler) {
  return [&service, handler](const Context& context,
                             std::string body) -> ApiResult<std::unique_ptr<Call>> {
    EngineRequest request;
    request.body = std::move(body);
    request.client = context.client;
    const auto model = context.params.find("id");
    if (model != context.params.end()) request.model = model->second;
    return std::make_unique<EngineCall>(service, handler, std::move(request));
  };
}

}  // namespace holdfast::api
