// What a client is told when the engine or the preparation of a prompt fails. Each domain has its
// own mapping, because one code means different things in each; what has none is kInternal, and
// its message stays in the log. Free functions, thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/api_error.h"
#include "engine/engine.h"

namespace holdfast::api {

// Of Engine::Submit.
ApiError SubmitError(const Error& error);
// Of tokenizer::RenderChat.
ApiError RenderError(const Error& error);
// Of net::BlockingPool::Run.
ApiError PoolError(const Error& error);
// Of an answer that the engine ended without finishing it: any reason but kStop and kLength.
ApiError EndError(engine::FinishReason reason, bool has_client_left);

// A prompt that leaves no room for an answer. `param`: the field; empty: several.
ApiError ContextTooLong(std::size_t tokens_min, std::int64_t context_max,
                        std::string_view param = {});

}  // namespace holdfast::api
