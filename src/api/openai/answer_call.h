// The public OpenAI-compatible answers of the gateway, chat and text completions: each request goes
// to an engine of the pool as it came, and the answer comes back as it comes. An engine that is
// down, or dies in the middle, becomes a failure with its reason, never a silent close.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/endpoint.h"
#include "upstream/pool.h"

namespace holdfast::api {

// Parse of an endpoint whose `path` an engine serves too. The pool must outlive the endpoint.
Endpoint::Parse AnswerFrom(upstream::Pool& pool, std::string path);

// The model that `named` asks for; empty: the one that is served, where there is only one. Errors:
// kModelNotFound, kBadRequest.
ApiResult<std::string> ChooseModel(const upstream::Pool& pool, const std::string& named);

// What an event says of all tokens so far; nullopt: it does not say both.
std::optional<TokenCounts> CountsOf(const upstream::Delta& delta);

// Tells of the end of the engine's work.
void ReportUsage(const upstream::AnswerStream& answer, Progress& progress);

// What the client is told of an engine's failure.
ApiError ToApiError(const upstream::Failure& failure);

}  // namespace holdfast::api
