#include "api/endpoint.h"

#include <utility>

#include "api/reply.h"

namespace holdfast::api {
namespace {

class AnsweringCall final : public Call {
 public:
  explicit AnsweringCall(const std::function<net::Awaitable<ApiResult<void>>(Reply&)>& answer)
      : answer_(answer) {}
  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress&) override { return answer_(reply); }

 private:
  const std::function<net::Awaitable<ApiResult<void>>(Reply&)>& answer_;
};

}  // namespace

Endpoint::Parse Answering(std::function<net::Awaitable<ApiResult<void>>(Reply&)> answer) {
  // The function outlives each call: both live in the endpoint, which outlives its requests.
  const auto shared =
      std::make_shared<const std::function<net::Awaitable<ApiResult<void>>(Reply&)>>(
          std::move(answer));
  return [shared](const Context&, std::string) -> ApiResult<std::unique_ptr<Call>> {
    return std::make_unique<AnsweringCall>(*shared);
  };
}

}  // namespace holdfast::api
