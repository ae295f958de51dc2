#include "convert/recipe.h"

namespace holdfast::convert {
namespace {

using tensor::DType;

bool IsPlain(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

bool IsBlock(DType dtype) { return tensor::BlockElements(dtype) > 1; }

// Norms, biases and the router: tiny, and every digit counts.
bool IsDelicate(const TensorFacts& facts) {
  return facts.rank < 2 || facts.name.ends_with(".mlp.gate.weight");
}

// The latent path: every head of every later token reads what these matrices make, and they are
// a percent of the weights.
bool IsLatentPath(std::string_view name) {
  return name.ends_with(".kv_a_proj_with_mqa.weight") || name.ends_with(".k_b_proj.weight") ||
         name.ends_with(".v_b_proj.weight") || name.ends_with(".kv_b_proj.weight");
}

// The first and last eighth of the layers and every third one between: errors of the down
// projections there cost most, so the 4 and 5 bit mixtures give them 6 bits.
bool HasFinerDownProjection(const TensorFacts& facts) {
  if (!facts.name.ends_with(".down_proj.weight") || facts.layer < 0) return false;
  const std::int64_t eighth = facts.layer_count / 8;
  return facts.layer < eighth || facts.layer >= facts.layer_count - eighth ||
         (facts.layer - eighth) % 3 == 2;
}

DType MixtureType(const TensorFacts& facts, DType wanted) {
  if (wanted == DType::kQ8_0) return wanted;
  if (IsLatentPath(facts.name)) return DType::kQ8_0;
  if (facts.is_output) return DType::kQ6_K;
  const bool is_mixture = wanted == DType::kQ4_K || wanted == DType::kQ5_K;
  if (is_mixture && HasFinerDownProjection(facts)) return DType::kQ6_K;
  return wanted;
}

// The nearest type whose blocks fit rows of `cols`; never coarser than asked.
DType FitRows(DType dtype, std::int64_t cols) {
  const auto fits = [cols](DType candidate) {
    return cols % static_cast<std::int64_t>(tensor::BlockElements(candidate)) == 0;
  };
  if (fits(dtype)) return dtype;
  return fits(DType::kQ8_0) ? DType::kQ8_0 : DType::kF16;
}

// What DeepSeek's own FP8 checkpoints store as FP8: the projections inside the layers.
bool IsFp8Projection(const TensorFacts& facts) {
  const bool is_projection =
      facts.name.ends_with("_proj.weight") || facts.name.ends_with(".kv_a_proj_with_mqa.weight");
  return facts.layer >= 0 && is_projection && !facts.name.ends_with(".eh_proj.weight");
}

DType KeptDType(DType stored, Format format) {
  if (format == Format::kGguf) return stored == DType::kF8E4M3 ? DType::kBF16 : stored;
  return IsBlock(stored) ? DType::kBF16 : stored;
}

}  // namespace

DType ChooseDType(const TensorFacts& facts, std::optional<DType> wanted, Format format) {
  if (IsDelicate(facts)) {
    return format == Format::kSafetensors && IsPlain(facts.stored) ? facts.stored : DType::kF32;
  }
  if (!wanted) return KeptDType(facts.stored, format);
  if (*wanted == DType::kF8E4M3) {
    if (IsFp8Projection(facts)) return DType::kF8E4M3;
    return IsPlain(facts.stored) ? facts.stored : DType::kBF16;
  }
  if (!IsBlock(*wanted)) return *wanted;
  return FitRows(MixtureType(facts, *wanted), facts.cols);
}

std::uint32_t GgufFileType(DType wanted) {
  constexpr std::uint32_t kMostlyQ4_K_M = 15;
  constexpr std::uint32_t kMostlyQ5_K_M = 17;
  constexpr std::uint32_t kGuessed = 1024;
  switch (wanted) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ4_0:
      return 2;
    case DType::kQ4_1:
      return 3;
    case DType::kQ5_0:
      return 8;
    case DType::kQ5_1:
      return 9;
    case DType::kQ8_0:
      return 7;
    case DType::kQ4_K:
      return kMostlyQ4_K_M;
    case DType::kQ5_K:
      return kMostlyQ5_K_M;
    case DType::kQ6_K:
      return 18;
    case DType::kBF16:
      return 32;
    default:
      return kGuessed;
  }
}

}  // namespace holdfast::convert
