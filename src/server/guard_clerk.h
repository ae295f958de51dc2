// GuardClerk: the thread that does the guard's paperwork, off the way of requests: hears what
// became of restrictions and of likeness, every half second. Stop before what it is given goes.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace holdfast::server {

class GuardClerk {
 public:
  explicit GuardClerk(std::function<void()> round);
  ~GuardClerk() { Stop(); }
  GuardClerk(const GuardClerk&) = delete;
  GuardClerk& operator=(const GuardClerk&) = delete;

  // Returns when the thread has ended.
  void Stop();

 private:
  const std::function<void()> round_;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::jthread thread_;
};

}  // namespace holdfast::server
