// EnginePipeline: what happens to a request inside an engine process: read it, run it, record how
// it ended. It trusts who can reach it (a gateway of ours, or nobody else on the network it is
// given), so it asks no guard; the engine's own queue is the limit. Thread-safe: runs on every I/O
// thread; what it refers to must outlive it.
#pragma once

#include "http/exchange.h"
#include "server/endpoint_table.h"
#include "server/settlement.h"

namespace holdfast::server {

class EnginePipeline {
 public:
  EnginePipeline(const EndpointTable& table, Settlement& settlement, const http::BodyLimits& body)
      : table_(table), settlement_(settlement), body_(body) {}

  // Answers the request of the exchange.
  net::Awaitable<void> Serve(http::Exchange& exchange);
  // Answers a request that could not be read.
  net::Awaitable<void> Refuse(http::Exchange& exchange, const http::Refusal& refusal);

 private:
  struct Record;
  net::Awaitable<api::ApiResult<void>> Run(http::Exchange& exchange, Record& record);
  net::Awaitable<void> Settle(http::Exchange& exchange, Record& record,
                              const api::ApiResult<void>& ended);

  const EndpointTable& table_;
  Settlement& settlement_;
  const http::BodyLimits body_;
};

}  // namespace holdfast::server
