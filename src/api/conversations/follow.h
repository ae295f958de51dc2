// Follow: an answer under way, to one reader, from where the cursor stands to its end. Free
// function; on the I/O thread of the reader's request.
#pragma once

#include <memory>
#include <string>

#include "api/conversations/live_answer.h"
#include "api/reply.h"

namespace holdfast::api {

// A reader is told that the answer lives when nothing came for so long.
inline constexpr std::chrono::milliseconds kFollowSilenceMax{15'000};

// `first` goes out before anything of the answer. Failures: the reader's (kClientLeft,
// kSlowReader), or the answer's, which its readers are told.
net::Awaitable<ApiResult<void>> Follow(std::shared_ptr<LiveAnswer> answer,
                                       LiveAnswer::Cursor cursor, std::string first, Reply& reply);

}  // namespace holdfast::api
