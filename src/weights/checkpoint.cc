#include "weights/checkpoint.h"

#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "weights/gguf_checkpoint.h"
#include "weights/hf_checkpoint.h"

namespace holdfast::weights {
namespace {

namespace fs = std::filesystem;

// "NAME-00002-of-00009.gguf": it belongs to the first, which stands for all.
bool IsLaterPart(const fs::path& path) {
  constexpr std::string_view kForm = "-00000-of-00000";
  const std::string stem = path.stem().string();
  if (stem.size() <= kForm.size()) return false;
  const std::string_view end = std::string_view(stem).substr(stem.size() - kForm.size());
  return end.starts_with('-') && end.substr(6, 4) == "-of-" && end.substr(1, 5) != "00001";
}

}  // namespace

Result<fs::path> Checkpoint::Resolve(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error) || fs::exists(path / "config.json", error)) return path;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& file = entry->path();
    if (file.extension() == ".gguf" && !IsLaterPart(file)) files.push_back(file);
  }
  if (files.size() == 1) return files.front();
  return Fail(ErrorCode::kNotFound, "{}: has no config.json and {} GGUF models, not one",
              path.string(), files.size());
}

Result<std::unique_ptr<Checkpoint>> Checkpoint::Open(const fs::path& given) {
  std::error_code error;
  if (!fs::exists(given, error)) {
    return Fail(ErrorCode::kNotFound, "{}: no such file or directory", given.string());
  }
  TRY_ASSIGN(const fs::path path, Resolve(given));
  if (fs::is_directory(path, error)) return OpenHfDirectory(path);
  if (path.extension() == ".safetensors") return OpenSafetensorsFile(path);
  if (path.extension() == ".gguf") return OpenGguf(path);
  return Fail(ErrorCode::kInvalidArgument,
              "{}: not a model: give a directory with config.json, a .gguf or a .safetensors file",
              path.string());
}

Result<tensor::TensorView> Checkpoint::Require(std::string_view name,
                                               const tensor::Shape& shape) const {
  const std::optional<tensor::TensorView> view = Find(name);
  if (!view) return Fail(ErrorCode::kNotFound, "tensor '{}' is missing", name);
  if (view->shape != shape) {
    return Fail(ErrorCode::kInvalidArgument, "tensor '{}' has shape {}, expected {}", name,
                view->shape.ToString(), shape.ToString());
  }
  return *view;
}

}  // namespace holdfast::weights
