// ColumnSealer: the texts of one account on their way into a row and out of it. A sealed column is
// base64 of crypto::Seal under the account's data key; its associated data names table, row and
// column, so that a text moved elsewhere does not open. Immutable; thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "crypto/sealed.h"

namespace holdfast::conversations {

struct Column {
  std::string_view table;
  std::string_view name;
};

inline constexpr Column kTitle{"conversations", "title"};
inline constexpr Column kFolderName{"conversation_folders", "name"};
inline constexpr Column kModel{"messages", "model"};
inline constexpr Column kContent{"messages", "content"};
inline constexpr Column kReasoning{"messages", "reasoning"};
inline constexpr Column kPartContent{"answer_parts", "content"};
inline constexpr Column kPartReasoning{"answer_parts", "reasoning"};
inline constexpr Column kShareToken{"shares", "token"};
inline constexpr Column kShareSnapshot{"shares", "snapshot"};

class ColumnSealer {
 public:
  explicit ColumnSealer(std::shared_ptr<const crypto::DataKey> key) : key_(std::move(key)) {}

  std::string Seal(Column column, std::string_view row_id, std::string_view text) const;
  std::optional<std::string> Seal(Column column, std::string_view row_id,
                                  const std::optional<std::string>& text) const;

  // Errors: kCorrupt, naming table and column, when the text is not of this place.
  [[nodiscard]] Result<std::string> Open(Column column, std::string_view row_id,
                                         std::string_view sealed) const;
  [[nodiscard]] Result<std::optional<std::string>> Open(
      Column column, std::string_view row_id, const std::optional<std::string>& sealed) const;

 private:
  std::shared_ptr<const crypto::DataKey> key_;
};

}  // namespace holdfast::conversations
