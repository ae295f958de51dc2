// The words every coroutine of the service uses: Awaitable, the clock, and TRY for coroutines.
// A coroutine runs on the one I/O thread its connection belongs to, from its start to its end.
#pragma once

// Asio is compiled once, in net/asio_impl.cc.
#ifndef BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_SEPARATE_COMPILATION 1
#endif

// gcc 12 does not see that a coroutine frame's operator new and delete come from one class.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

#include <chrono>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace holdfast::net {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// For waits that something else bounds.
inline constexpr TimePoint kNoDeadline = TimePoint::max();

}  // namespace holdfast::net

// As TRY and TRY_ASSIGN of base/result.h, in a coroutine that returns Awaitable<Result<T>>.
#define CO_TRY(expression)                                                           \
  do {                                                                               \
    auto co_try_result = (expression);                                               \
    if (!co_try_result) co_return std::unexpected(std::move(co_try_result).error()); \
  } while (false)
#define CO_TRY_ASSIGN(declaration, expression) \
  CO_TRY_ASSIGN_INNER(HOLDFAST_CONCAT(co_try_result_, __LINE__), declaration, expression)
#define CO_TRY_ASSIGN_INNER(result, declaration, ...)                \
  auto result = (__VA_ARGS__);                                       \
  if (!result) co_return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
