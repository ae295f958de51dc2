// The import of a file that somebody uploads: a JSON text that import.h reads, or a ZIP that holds
// such texts as conversations.json, conversations-000.json and so on. A job of the sandbox, and how
// it is asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archives/zip_reader.h"
#include "base/result.h"
#include "conversations/conversation.h"
#include "conversations/import.h"
#include "sandbox/sandbox.h"

namespace holdfast::conversations {

// Of the file as it is uploaded.
inline constexpr std::size_t kImportFileBytesMax = std::size_t{64} << 20;

struct ImportFileLimits {
  archives::ZipLimits zip = {.archive_bytes_max = kImportFileBytesMax};
  // Of all texts of a ZIP together, as of one alone.
  ImportLimits texts = {};
};

// What the job does, in this process. Errors: those of ParseImport and of archives::ZipReader;
// kInvalidArgument too where a ZIP has no conversations.
[[nodiscard]] Result<std::vector<ConversationTree>> ReadImportFile(
    std::string_view file, const ImportFileLimits& limits = {});

// The job: a file in, EncodeTrees of what it holds out.
[[nodiscard]] Result<std::string> RunImportJob(std::string_view file);

// A text of kImportFileBytesMax takes some three times as much memory as JSON of words, thirty
// times as JSON of nothing but brackets; the latter ends at the limit.
inline constexpr sandbox::Job kImportJob{
    .name = "import_conversations",
    .run = RunImportJob,
    .limits = {.input_bytes_max = kImportFileBytesMax,
               .output_bytes_max = kImportFileBytesMax + (std::size_t{16} << 20),
               .memory_bytes_max = std::size_t{1} << 30,
               .processor_time_max = std::chrono::seconds(15),
               .time_max = std::chrono::seconds(20)}};

// Reads the file in a child. The message of an error is for whoever sent it. Errors:
// kInvalidArgument, kUnsupported, kTooLarge (also of time and memory), kResourceExhausted (too many
// are read at once), kCancelled (we stop), kInternal.
[[nodiscard]] Result<std::vector<ConversationTree>> ImportInSandbox(sandbox::Sandbox& sandbox,
                                                                    std::string_view file);

}  // namespace holdfast::conversations
