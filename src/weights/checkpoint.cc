#include "weights/checkpoint.h"

#include <system_error>

#include "weights/gguf_checkpoint.h"
#include "weights/hf_checkpoint.h"

namespace holdfast::weights {

Result<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return Fail(ErrorCode::kNotFound, "{}: no such file or directory", path.string());
  }
  if (std::filesystem::is_directory(status)) return OpenHfDirectory(path);
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
