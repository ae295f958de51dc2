// RequestBody: a call's JSON as an engine gets it: the client's bytes, with usage asked for on a
// stream even where the client did not: at the end, and for engines that are known to take the
// question (RemoteEngine::CanTellUsageOf) with every event. The bytes are shared, not copied.
// Immutable.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::upstream {

class RequestBody {
 public:
  // A body that is no JSON object stays as it is: the engine says what is wrong with it.
  RequestBody(std::shared_ptr<const std::string> body, bool is_stream);

  // In order; valid while this lives.
  std::vector<std::string_view> Parts(bool asks_running_usage) const;
  // A chunk with only the usage is news to the client.
  bool client_wants_usage() const { return client_wants_usage_; }
  // So is the usage so far, with every chunk.
  bool client_wants_running_usage() const { return client_wants_running_usage_; }

 private:
  // In place of the bytes from `begin` to `end`.
  struct Edit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view text;  // A constant.
    bool is_for_running_usage = false;
  };

  void AskForUsage();
  void AskInOptions(std::size_t begin, std::size_t end);

  std::shared_ptr<const std::string> body_;
  std::vector<Edit> edits_;  // By their place.
  bool client_wants_usage_ = true;
  bool client_wants_running_usage_ = false;
};

}  // namespace holdfast::upstream
