#include "server/model_files.h"

#include <utility>
#include <vector>

#include "convert/tokenizer_form.h"

namespace holdfast::server {
namespace {

namespace fs = std::filesystem;

}  // namespace

Result<fs::path> FindModel(const std::string& configured) {
  std::error_code error;
  if (!configured.empty()) {
    if (!fs::exists(configured, error)) {
      return Fail(ErrorCode::kNotFound, "model {}: no such file or folder", configured);
    }
    return weights::Checkpoint::Resolve(configured);
  }
  std::vector<fs::path> roots = {fs::current_path(error)};
  constexpr int kFoldersAboveMax = 5;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int i = 0; i < kFoldersAboveMax && !folder.empty(); ++i) {
    roots.push_back(folder);
    roots.push_back(folder / "share" / "holdfast");
    folder = folder.parent_path();
  }
  for (const fs::path& root : roots) {
    if (auto found = weights::Checkpoint::Resolve(root / "models" / "starter");
        found && fs::exists(*found, error)) {
      return found;
    }
  }
  return Fail(ErrorCode::kNotFound,
              "no model: models/starter has none here; name one with --model or model.path");
}

std::string ModelName(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  const fs::path name = normal.has_filename() ? normal.filename() : normal.parent_path().filename();
  return name.extension() == ".gguf" ? name.stem().string() : name.string();
}

Result<std::unique_ptr<const tokenizer::Tokenizer>> MakeTokenizer(
    const weights::Checkpoint& checkpoint) {
  TRY_ASSIGN(tokenizer::Spec spec, convert::TokenizerSpec(checkpoint.tokenizer()));
  return tokenizer::Tokenizer::Make(std::move(spec));
}

}  // namespace holdfast::server
