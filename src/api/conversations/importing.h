// Importing: files of conversations on their way in. A child of the sandbox reads each; so many are
// read at once, and some more wait. Each account has one at a time, so that nobody fills the places
// alone.
//
// Thread-safe. Owned by the conversations' service; Stop is the owner's, before the I/O threads
// end.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/api_error.h"
#include "conversations/conversation.h"
#include "net/awaitable.h"
#include "net/blocking_pool.h"
#include "sandbox/sandbox.h"

namespace holdfast::api {

class Importing {
 public:
  // Read at once: a child may take a GiB. The sandbox lets as many run.
  static constexpr std::size_t kChildrenMax = 2;
  // More files that wait; whoever comes then is refused.
  static constexpr std::size_t kWaitingMax = 8;

  // The sandbox knows conversations::kImportJob, and outlives this.
  explicit Importing(sandbox::Sandbox& sandbox)
      : sandbox_(sandbox), pool_({.thread_count = kChildrenMax, .queue_max = kWaitingMax}) {}

  // What the file holds. It is shared because its reading may outlast the one who waits.
  net::Awaitable<ApiResult<std::vector<conversations::ConversationTree>>> Read(
      const std::string& account, const std::shared_ptr<const std::string>& file);

  // Ends what is read, and refuses what comes.
  void Stop();

 private:
  class Turn;

  sandbox::Sandbox& sandbox_;
  net::BlockingPool pool_;
  std::mutex mutex_;
  std::set<std::string> accounts_;  // Who has one on its way.
};

}  // namespace holdfast::api
