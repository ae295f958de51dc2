// Corpus reader: training documents out of files. Two kinds of file, either may be compressed with
// zstd (name ends in .zst):
//   text  documents separated by a line `<|doc|>`;
//   chat  JSON Lines, {"messages": [{"role": "system|user|assistant", "content": "..."}, ...]}.
// Every error names file and line. Free functions; thread-compatible.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/chat_template.h"

namespace holdfast::trainer {

struct ReadLimits {
  std::size_t plain_bytes_max = std::size_t{2} << 30;  // Of a file after decompression.
  std::size_t document_count_max = 20'000'000;
  std::size_t document_bytes_max = std::size_t{64} << 20;
  std::size_t line_bytes_max = std::size_t{4} << 20;  // Of a chat file.
  std::size_t message_count_max = 1024;               // Of one chat.
};

struct Document {
  std::string text;                              // Of a text document, else empty.
  std::vector<tokenizer::ChatMessage> messages;  // Of a chat, else empty.
  std::int64_t line = 0;                         // Where it begins, from 1.

  bool IsChat() const { return !messages.empty(); }
  // The content without roles, for hashes and byte counts.
  std::string PlainText() const;
};

inline constexpr std::string_view kDocumentSeparator = "<|doc|>";

// The decompressed content of `path`. Errors: kNotFound, kIo, kTooLarge, kCorrupt.
[[nodiscard]] Result<std::string> ReadPlainFile(const std::filesystem::path& path,
                                                const ReadLimits& limits = {});

// `name` stands in errors. Empty documents are skipped. Errors: kCorrupt (not UTF-8), kTooLarge.
[[nodiscard]] Result<std::vector<Document>> SplitDocuments(std::string_view text,
                                                           std::string_view name,
                                                           const ReadLimits& limits = {});
// A chat must have a message of a user followed by one of the assistant, and no tool messages.
// Errors: kCorrupt, kTooLarge.
[[nodiscard]] Result<std::vector<Document>> ParseChats(std::string_view jsonl,
                                                       std::string_view name,
                                                       const ReadLimits& limits = {});

// Offset of the first byte that is not valid UTF-8, or npos.
std::size_t FindInvalidUtf8(std::string_view text);

}  // namespace holdfast::trainer
