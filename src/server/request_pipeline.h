// RequestPipeline: what happens to a request, step by step. The steps are the body of one function
// in request_pipeline.cc; both servers, engine and gateway, run it with routes and limits of their
// own. Thread-safe: runs on every I/O thread; what it refers to must outlive it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "http/exchange.h"
#include "http/router.h"
#include "metrics/registry.h"
#include "server/admission.h"

namespace holdfast::server {

struct PipelineOptions {
  http::BodyLimits body;
  // The peer is a gateway of ours: its x-request-id and x-holdfast-client are taken as they are.
  bool is_behind_gateway = false;
  // Of every answer.
  std::vector<http::Header> headers;
};

class RequestPipeline {
 public:
  RequestPipeline(const http::Router& router, Admission& admission, metrics::Registry& registry,
                  const PipelineOptions& options)
      : router_(router), admission_(admission), registry_(registry), options_(options) {}

  // Answers the request of the exchange.
  net::Awaitable<void> Serve(http::Exchange& exchange);
  // Answers a request that could not be read.
  net::Awaitable<void> Refuse(http::Exchange& exchange, const http::Refusal& refusal);

  // The first headers of a request decide who it is from and what it is called.
  static constexpr std::string_view kRequestIdHeader = "x-request-id";
  static constexpr std::string_view kClientHeader = "x-holdfast-client";

 private:
  struct Record;

  net::Awaitable<api::ApiResult<void>> Run(http::Exchange& exchange, Record& record);
  api::ApiResult<const http::Route*> FindRoute(http::Exchange& exchange, Record& record) const;
  RequestFacts LearnFacts(const http::Exchange& exchange, const http::Route& route) const;
  net::Awaitable<api::ApiResult<std::string>> ReadBody(http::Exchange& exchange,
                                                       const http::Route& route) const;
  net::Awaitable<api::ApiResult<AdmissionTicket>> Admit(http::Exchange& exchange,
                                                        const RequestFacts& facts) const;
  void Name(http::Exchange& exchange, Record& record) const;
  std::string RequestId(const http::Exchange& exchange) const;
  void Settle(const http::Exchange& exchange, const Record& record);

  const http::Router& router_;
  Admission& admission_;
  metrics::Registry& registry_;
  const PipelineOptions options_;
};

}  // namespace holdfast::server
