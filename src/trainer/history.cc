#include "trainer/history.h"

#include <string>

#include "weights/atomic_file.h"

namespace holdfast::trainer {

std::vector<json::Object> ReadHistory(const std::filesystem::path& path) {
  std::vector<json::Object> lines;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    auto value = json::Parse(text);
    if (value && value->is_object()) lines.push_back(std::move(value->get_object()));
  }
  return lines;
}

Result<History> History::Open(const std::filesystem::path& path, std::int64_t last_step) {
  TRY_ASSIGN(weights::AtomicFile kept, weights::AtomicFile::Create(path));
  for (const json::Object& line : ReadHistory(path)) {
    const auto step = json::RequireInt(line, "step", 0, INT64_MAX);
    if (!step || *step > last_step) continue;
    TRY(kept.Write(json::Write(line) + "\n"));
  }
  TRY(kept.Commit());
  History history;
  history.path_ = path;
  history.file_.open(path, std::ios::app);
  if (!history.file_) return Fail(ErrorCode::kIo, "cannot append to {}", path.string());
  return history;
}

Result<void> History::Add(const json::Object& line) {
  file_ << json::Write(line) << '\n';
  file_.flush();
  if (!file_) return Fail(ErrnoError(path_.string()));
  return {};
}

}  // namespace holdfast::trainer
