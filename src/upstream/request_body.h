// RequestBody: a call's JSON as an engine gets it: the client's bytes, with usage asked for on a
// stream even where the client did not. The bytes are shared, not copied. Immutable.
#pragma once

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
  std::vector<std::string_view> Parts() const { return {before_, inserted_, after_}; }
  // A chunk with only the usage is news to the client.
  bool client_wants_usage() const { return client_wants_usage_; }

 private:
  void AskForUsage();
  void Replace(std::size_t begin, std::size_t end, std::string_view text);

  std::shared_ptr<const std::string> body_;
  std::string_view before_;
  std::string_view inserted_;  // One of a few constants.
  std::string_view after_;
  bool client_wants_usage_ = true;
};

}  // namespace holdfast::upstream
