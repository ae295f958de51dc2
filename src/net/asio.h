// The Asio headers that the service's sources need. Home of Asio and OpenSSL: only sources (.cc)
// include this, so that headers stay light. Asio keeps its own casing; the border is visible.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/error.h"
#include "net/awaitable.h"

namespace holdfast::net {

namespace asio = boost::asio;

// Completion token: results as a tuple, errors as values.
inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// Our Error for a library's error code; `what` names the object and the attempt.
Error SystemError(std::string_view what, const boost::system::error_code& code);

}  // namespace holdfast::net
