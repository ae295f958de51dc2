// PoolFixture: a pool over scripted engines, and callers that read whole answers. For tests only.
#pragma once

#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/event.h"
#include "net/io_threads.h"
#include "upstream/pool.h"
#include "upstream/testing/scripted_engine.h"

namespace holdfast::upstream::testing {

using std::chrono::milliseconds;

inline constexpr milliseconds kPatience{60'000};

// One call, as its caller saw it.
struct Outcome {
  std::optional<Failure> failure;
  std::string client_bytes;  // What a gateway forwards.
  std::string text;
  std::string reasoning;
  Usage usage;
  std::string engine;
  bool is_done = false;
};

inline net::Awaitable<void> ReadOn(AnswerStream& stream, Outcome& outcome) {
  while (true) {
    AnswerStream::Part part = co_await stream.Next();
    outcome.usage = stream.usage();
    if (!part) {
      outcome.failure = part.error();
      co_return;
    }
    if (!*part) break;
    const Delta& delta = **part;
    if (delta.is_for_client) outcome.client_bytes += delta.raw;
    outcome.is_done = outcome.is_done || delta.is_done;
    const Result<std::vector<ChoiceDelta>> choices = delta.Choices();
    EXPECT_TRUE(choices);
    for (const ChoiceDelta& choice : *choices) {
      outcome.text += choice.text;
      outcome.reasoning += choice.reasoning;
    }
  }
  outcome.engine = stream.engine();
}

inline Call ChatCall(bool is_stream) {
  Call call;
  call.body = std::make_shared<const std::string>(is_stream ? R"({"model":"m","stream":true})"
                                                            : R"({"model":"m"})");
  call.model = "m";
  call.wants_stream = is_stream;
  return call;
}

// Limits with which nothing but what a test asks for runs into one.
inline PoolLimits PatientLimits() {
  PoolLimits limits;
  limits.connect_time_max = limits.head_time_max = limits.silence_max = kPatience;
  limits.answer_time_max = 2 * kPatience;
  limits.health_time_max = kPatience;
  limits.health_every = milliseconds(20);
  return limits;
}

class PoolFixture : public ::testing::Test {
 protected:
  PoolFixture() : threads_(2) {}
  ~PoolFixture() override { threads_.Stop(); }

  // Names are "e0", "e1" and so on.
  void Start(const std::vector<const ScriptedEngine*>& engines, const PoolLimits& limits) {
    std::vector<EngineSpec> specs(engines.size());
    for (std::size_t i = 0; i < engines.size(); ++i) {
      specs[i].name = fmt::format("e{}", i);
      specs[i].url = engines[i]->url();
    }
    StartSpecs(std::move(specs), limits);
  }
  void StartSpecs(std::vector<EngineSpec> specs, const PoolLimits& limits) {
    Result<std::unique_ptr<Pool>> pool = Pool::Make(std::move(specs), limits, registry_);
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = std::move(*pool);
    for (std::size_t i = 0; i < pool_->engine_count(); ++i) {
      threads_.Spawn(i % 2, pool_->Watch(i, [this, i](bool is_up) {
        const std::lock_guard lock(mutex_);
        is_up_[i] = is_up;
        changed_.notify_all();
      }));
    }
  }
  // Waits until the engine is up, or no longer.
  void Await(std::size_t engine, bool is_up) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kPatience, [&] { return is_up_[engine] == is_up; }))
        << "engine " << engine;
  }

  static net::Awaitable<void> RunCall(Pool& pool, Call call, std::promise<Outcome>& done) {
    net::StopSource stop(co_await net::CurrentExecutor());
    Outcome outcome;
    auto stream = co_await pool.Open(std::move(call), stop);
    if (stream) {
      co_await ReadOn(**stream, outcome);
    } else {
      outcome.failure = stream.error();
    }
    stream = std::unexpected(Failure{});  // Before its stop source.
    done.set_value(std::move(outcome));
  }
  std::future<Outcome> Begin(Call call, std::promise<Outcome>& done) {
    threads_.Spawn(threads_.NextIndex(), RunCall(*pool_, std::move(call), done));
    return done.get_future();
  }
  Outcome Ask(Call call) {
    std::promise<Outcome> done;
    return Begin(std::move(call), done).get();
  }

  metrics::Registry registry_;
  std::unique_ptr<Pool> pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, bool> is_up_;
  net::IoThreads threads_;  // Last: its coroutines use the rest.
};

}  // namespace holdfast::upstream::testing
