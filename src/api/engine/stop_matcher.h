// StopMatcher: cuts a growing text at the first stop string and holds back what may turn out to be
// the beginning of one. One per answer, single-threaded.
//
// At most the longest stop string minus one byte is held back, so each Push looks at little text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::api {

class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Text that is safe to show now. After a stop string was found: nothing, ever.
  std::string Push(std::string_view text);
  // What was held back, at the end of the answer.
  std::string Finish();
  bool has_stopped() const { return has_stopped_; }

 private:
  std::vector<std::string> stops_;  // None is empty.
  std::string held_;
  bool has_stopped_ = false;
};

}  // namespace holdfast::api
