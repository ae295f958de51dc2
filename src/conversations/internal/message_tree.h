// MessageTree: a conversation as others write it down, nodes in any order that name their parents,
// some of them without a message that we keep. Of the import alone. Value types, free functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"

namespace holdfast::conversations {

struct TreeNode {
  std::string id = {};
  // nullopt, or one that is not there: it begins the conversation.
  std::optional<std::string> parent = {};
  // nullopt: its children follow the nearest node above that has one.
  std::optional<Message> message = {};
  // Else it is the other one than its parent's; a conversation begins with the user.
  bool has_role = true;
};

// The messages, parents before children, branches in the order of `nodes`. What hangs on a circle
// cannot be reached and is left out. Errors: kInvalidArgument when two nodes have one id; kTooLarge
// at a limit of conversation.h.
[[nodiscard]] Result<std::vector<Message>> Flatten(std::vector<TreeNode> nodes);

}  // namespace holdfast::conversations
