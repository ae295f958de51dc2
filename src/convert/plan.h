// The plan of a conversion: every tensor of the target, in the target's order, with where its rows
// come from. Borrows from the source checkpoint. Value types; thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/recipe.h"
#include "model/config.h"
#include "weights/checkpoint.h"
#include "weights/gguf_writer.h"

namespace holdfast::convert {

struct OutputTensor {
  weights::TensorSpec spec;
  // How rows are made of `parts`:
  enum class Rows : std::uint8_t {
    kStacked,    // The parts' rows, one part after the other (one part, or the experts).
    kKeyHalf,    // k_b [H, R, nope] out of one fused kv_b [H * (nope + v), R], heads transposed.
    kValueHalf,  // v_b [H, v, R] out of the same.
    kFused,      // kv_b [H * (nope + v), R] out of k_b and v_b.
    kFp8Scales,  // The 128x128 block scales [rows / 128, cols / 128] of parts[0], made anew.
  } rows = Rows::kStacked;
  std::vector<tensor::TensorView> parts;
  std::int64_t nope = 0;  // Only for the halves and kFused.
  std::int64_t value = 0;

  // Stored bytes can be taken over as they are.
  bool IsCopy() const;
  // Both models compute with the same values.
  bool IsExact() const;
};

struct Plan {
  std::vector<OutputTensor> tensors;
  std::vector<std::string> left_out;  // Source tensors that are no part of the architecture.
  std::int64_t mtp_modules = 0;       // Of which the source really has the tensors.
};

// `config` is that of `source`. Errors: kNotFound names the missing tensor; kInvalidArgument a
// shape that disagrees with the configuration.
[[nodiscard]] Result<Plan> MakePlan(const weights::Checkpoint& source,
                                    const model::ModelConfig& config, Format format,
                                    std::optional<tensor::DType> wanted);

}  // namespace holdfast::convert
