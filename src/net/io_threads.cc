#include "net/io_threads.h"

#include <exception>
#include <future>
#include <thread>

#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "net/asio.h"

namespace holdfast::net {

struct IoThreads::Thread {
  asio::io_context context{1};
  // A context opens its descriptors with its first timer or socket. Now there are some left.
  asio::steady_timer first{context};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

namespace {

// What a library throws (in effect: no memory) ends the work it came from, not the process.
void LogException(std::exception_ptr exception) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    log::error("an I/O thread gave up a piece of work: {}", error.what());
  }
}

void RunLoop(asio::io_context& context) {
  while (!context.stopped()) {
    try {
      context.run();
    } catch (const std::exception&) {
      LogException(std::current_exception());
    }
  }
}

}  // namespace

IoThreads::IoThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    threads_.push_back(std::make_unique<Thread>());
    Thread& thread = *threads_.back();
    thread.thread = std::thread([&thread] { RunLoop(thread.context); });
  }
}

IoThreads::~IoThreads() { Stop(); }

Executor IoThreads::executor(std::size_t index) const {
  return threads_[index]->context.get_executor();
}

void IoThreads::Post(std::size_t index, std::move_only_function<void()> body) {
  asio::post(threads_[index]->context, [body = std::move(body)]() mutable { body(); });
}

void IoThreads::Run(std::size_t index, std::move_only_function<void()> body) {
  if (is_stopped_) return body();
  std::promise<void> done;
  Post(index, [&] {
    body();
    done.set_value();
  });
  done.get_future().wait();
}

void IoThreads::Spawn(std::size_t index, Awaitable<void> coroutine) {
  asio::co_spawn(threads_[index]->context, std::move(coroutine), [](std::exception_ptr exception) {
    if (exception) LogException(std::move(exception));
  });
}

void IoThreads::Stop() {
  is_stopped_ = true;
  for (const auto& thread : threads_) thread->context.stop();
  for (const auto& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
}

}  // namespace holdfast::net
