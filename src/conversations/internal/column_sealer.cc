#include "conversations/internal/column_sealer.h"

#include "crypto/encoding.h"

namespace holdfast::conversations {
namespace {

// Neither tables and columns nor our ids have a colon, so that no two places share a name.
std::string PlaceName(Column column, std::string_view row_id) {
  return fmt::format("{}:{}:{}", column.table, row_id, column.name);
}

}  // namespace

std::string ColumnSealer::Seal(Column column, std::string_view row_id,
                               std::string_view text) const {
  return crypto::EncodeBase64(crypto::Seal(*key_, text, PlaceName(column, row_id)));
}

std::optional<std::string> ColumnSealer::Seal(Column column, std::string_view row_id,
                                              const std::optional<std::string>& text) const {
  if (!text) return std::nullopt;
  return Seal(column, row_id, std::string_view(*text));
}

Result<std::string> ColumnSealer::Open(Column column, std::string_view row_id,
                                       std::string_view sealed) const {
  const std::optional<std::string> bytes = crypto::DecodeBase64(sealed);
  Result<std::string> text = bytes ? crypto::Open(*key_, *bytes, PlaceName(column, row_id))
                                   : Fail(ErrorCode::kCorrupt, "not base64");
  if (text) return text;
  return Fail(ErrorCode::kCorrupt, "a {} in {} does not open", column.name, column.table);
}

Result<std::optional<std::string>> ColumnSealer::Open(
    Column column, std::string_view row_id, const std::optional<std::string>& sealed) const {
  if (!sealed) return std::optional<std::string>();
  TRY_ASSIGN(std::string text, Open(column, row_id, std::string_view(*sealed)));
  return std::optional(std::move(text));
}

}  // namespace holdfast::conversations
