#include "conversations/import_job.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "conversations/tree_codec.h"

namespace holdfast::conversations {
namespace {

using archives::ZipFile;
using archives::ZipReader;

std::string_view BaseName(std::string_view name) { return name.substr(name.rfind('/') + 1); }

// "conversations.json", and the parts of a large export. What macOS adds for itself has the same
// names in a folder of its own.
bool IsConversations(std::string_view name) {
  const std::string_view base = BaseName(name);
  return base.starts_with("conversations") && base.ends_with(".json") &&
         !name.starts_with("__MACOSX/");
}

bool IsZipName(const ZipFile& file) { return file.name.ends_with(".zip"); }

Result<std::vector<ZipFile>> FindConversations(const ZipReader& zip) {
  std::vector<ZipFile> found;
  std::ranges::copy_if(zip.files(), std::back_inserter(found), IsConversations, &ZipFile::name);
  std::ranges::sort(found, {}, &ZipFile::name);
  if (!found.empty()) return found;
  if (std::ranges::any_of(zip.files(), IsZipName)) {
    return Fail(ErrorCode::kInvalidArgument,
                "the ZIP has a ZIP inside and no conversations.json; unpack it and send the inner");
  }
  return Fail(ErrorCode::kInvalidArgument, "the ZIP has no conversations.json");
}

// Adds the text's conversations to `trees`, and takes them off the limits.
Result<void> AddText(std::string_view text, ImportLimits& left,
                     std::vector<ConversationTree>& trees) {
  TRY_ASSIGN(std::vector<ConversationTree> read, ParseImport(text, left));
  left.text_bytes_max -= text.size();
  left.conversations_max -= read.size();
  for (const ConversationTree& tree : read) left.messages_max -= tree.messages.size();
  std::ranges::move(read, std::back_inserter(trees));
  return {};
}

Result<std::vector<ConversationTree>> ReadZip(std::string_view file,
                                              const ImportFileLimits& limits) {
  TRY_ASSIGN(const std::unique_ptr<ZipReader> zip, ZipReader::Open(file, limits.zip));
  TRY_ASSIGN(const std::vector<ZipFile> found, FindConversations(*zip));
  ImportLimits left = limits.texts;
  std::vector<ConversationTree> trees;
  for (const ZipFile& each : found) {
    TRY_ASSIGN(const std::string text, zip->Read(each));
    const std::string_view name = BaseName(each.name);
    if (archives::LooksLikeZip(text)) {
      return Fail(ErrorCode::kInvalidArgument, "{} is a ZIP, not JSON", name);
    }
    const Result<void> added = AddText(text, left, trees);
    if (!added) return Fail(added.error().code, "{}: {}", name, added.error().message);
  }
  return trees;
}

Error FailureForSender(const sandbox::Failure& failure) {
  constexpr const sandbox::JobLimits& kLimits = kImportJob.limits;
  using enum sandbox::Ending;
  switch (failure.ending) {
    case kRefused:
      return failure.error;
    case kInputTooLarge:
      return MakeError(ErrorCode::kTooLarge, "a file of more than {} MiB",
                       kLimits.input_bytes_max >> 20);
    case kOutputTooLarge:
      return MakeError(ErrorCode::kTooLarge, "the file holds more than {} MiB of conversations",
                       kLimits.output_bytes_max >> 20);
    case kTooSlow:
      return MakeError(ErrorCode::kTooLarge, "reading the file takes longer than {} s",
                       kLimits.processor_time_max.count());
    case kTooMuchMemory:
      return MakeError(ErrorCode::kTooLarge, "reading the file takes more than {} MiB of memory",
                       kLimits.memory_bytes_max >> 20);
    case kForbidden:
    case kDied:
      return MakeError(ErrorCode::kInvalidArgument, "the file is damaged and cannot be read");
    case kBusy:
    case kStopped:
    case kNotStarted:
      break;
  }
  return failure.error;
}

// What the sender cannot have meant is for the operator too.
void Log(const sandbox::Failure& failure) {
  using enum sandbox::Ending;
  const bool is_odd = failure.ending == kForbidden || failure.ending == kDied ||
                      failure.ending == kTooSlow || failure.ending == kTooMuchMemory ||
                      failure.ending == kOutputTooLarge;
  if (is_odd) log::warn("an uploaded file was not read: {}", failure.error.message);
}

}  // namespace

Result<std::vector<ConversationTree>> ReadImportFile(std::string_view file,
                                                     const ImportFileLimits& limits) {
  if (archives::LooksLikeZip(file)) return ReadZip(file, limits);
  return ParseImport(file, limits.texts);
}

Result<std::string> RunImportJob(std::string_view file) {
  TRY_ASSIGN(const std::vector<ConversationTree> trees, ReadImportFile(file));
  return EncodeTrees(trees);
}

Result<std::vector<ConversationTree>> ImportInSandbox(sandbox::Sandbox& sandbox,
                                                      std::string_view file) {
  sandbox::Output output = sandbox.Run(kImportJob.name, file);
  if (!output) {
    Log(output.error());
    return Fail(FailureForSender(output.error()));
  }
  Result<std::vector<ConversationTree>> trees = DecodeTrees(*output);
  if (trees) return trees;
  log::warn("an uploaded file was not read: its reader said {}", trees.error().message);
  return Fail(ErrorCode::kInvalidArgument, "the file is damaged and cannot be read");
}

}  // namespace holdfast::conversations
