#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/internal/kernel_tables.cc"
// Targets between the portable one and AVX2 gain little and cost compile time.
#define HWY_DISABLED_TARGETS HWY_SSSE3
// clang-format off
#include <hwy/foreach_target.h>
// clang-format on
#include <hwy/highway.h>

#include "kernels/internal/kernel_table.h"

// Without even SSE4 the reference products do the work.
#undef HOLDFAST_HAS_VECTORS
#define HOLDFAST_HAS_VECTORS (HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128)

#if HOLDFAST_HAS_VECTORS
#include "kernels/internal/float_products-inl.h"
#include "kernels/internal/panels-inl.h"
#include "kernels/internal/quant_products-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::internal {
namespace HWY_NAMESPACE {

#if HOLDFAST_HAS_VECTORS

using tensor::DType;

// In Highway's numbering a better target of a family is a lower one, so "<= HWY_AVX3" takes the
// AVX-512 targets of newer versions too (AVX3_DL, AVX3_ZEN4, AVX3_SPR).

// Group sizes by the number of vector registers: with 32, twelve rows leave room for the integer
// and the f32 sums of a block; with 16, four.
#if HWY_TARGET <= HWY_AVX3
constexpr int kSizeCount = 5;
constexpr std::array<int, kGroupSizesMax> kSizes = {1, 2, 4, 8, 12};
#else
constexpr int kSizeCount = 3;
constexpr std::array<int, kGroupSizesMax> kSizes = {1, 2, 4, 0, 0};
#endif

// Slices in registers: all of a tile for one row, so that its lines are read once.
template <int N>
constexpr int kSlicesFor = kLanes == 8 && N <= 2 ? 2 : 1;

// One kernel: PRODUCT(n) for every group size.
#undef HOLDFAST_ALL_SIZES
#if HWY_TARGET <= HWY_AVX3
#define HOLDFAST_ALL_SIZES(PRODUCT) \
  { PRODUCT(1), PRODUCT(2), PRODUCT(4), PRODUCT(8), PRODUCT(12) }
#else
#define HOLDFAST_ALL_SIZES(PRODUCT) \
  { PRODUCT(1), PRODUCT(2), PRODUCT(4), nullptr, nullptr }
#endif
#define HOLDFAST_QUANT(n) QuantProduct<Format, n, kSlicesFor<n>>
#define HOLDFAST_F32(n) FloatProduct<ColumnOfF32, n, kSlicesFor<n>>
#define HOLDFAST_F16(n) FloatProduct<ColumnOfF16, n, kSlicesFor<n>>
#define HOLDFAST_BF16(n) FloatProduct<ColumnOfBF16, n, kSlicesFor<n>>
#define HOLDFAST_F8(n) FloatProduct<ColumnOfF8, n, kSlicesFor<n>>
#define HOLDFAST_BF16_PAIRS(n) BFloat16PairProduct<n>

Kernel& At(KernelTable& table, DType type) { return table.kernels[static_cast<std::size_t>(type)]; }

template <class Format>
Kernel QuantKernel(MakePanel make_panel) {
  return {HOLDFAST_ALL_SIZES(HOLDFAST_QUANT), make_panel, Format::kPanelUnitBytes};
}

template <class Dot, class Blocks>
Kernel BlockKernel() {
  return QuantKernel<BlockFormat<Dot, Blocks>>(MakeBlockPanel<Dot, Blocks>);
}

template <class Dot>
void SetQuantKernels(KernelTable& table) {
  At(table, DType::kQ8_0) = BlockKernel<Dot, ByteBlocks>();
  At(table, DType::kQ4_0) = BlockKernel<Dot, NibbleBlocks<false, false>>();
  At(table, DType::kQ4_1) = BlockKernel<Dot, NibbleBlocks<true, false>>();
  At(table, DType::kQ5_0) = BlockKernel<Dot, NibbleBlocks<false, true>>();
  At(table, DType::kQ5_1) = BlockKernel<Dot, NibbleBlocks<true, true>>();
  At(table, DType::kQ4_K) = QuantKernel<MinFormat<Dot, false>>(MakeMinPanel<Dot>);
  At(table, DType::kQ5_K) = QuantKernel<MinFormat<Dot, true>>(MakeMinPanel<Dot>);
  At(table, DType::kQ6_K) = QuantKernel<SixBitFormat<Dot>>(MakeSixBitPanel<Dot>);
}

void SetFloatKernels(KernelTable& table) {
  At(table, DType::kF32) = {HOLDFAST_ALL_SIZES(HOLDFAST_F32), MakeFloatPanel, 256};
  At(table, DType::kF16) = {HOLDFAST_ALL_SIZES(HOLDFAST_F16), MakeFloatPanel, 256};
  At(table, DType::kBF16) = {HOLDFAST_ALL_SIZES(HOLDFAST_BF16), MakeFloatPanel, 256};
  At(table, DType::kF8E4M3) = {HOLDFAST_ALL_SIZES(HOLDFAST_F8), MakeFloatPanel, 256};
}

KernelTable MakeTable() {
  KernelTable table{.name = hwy::TargetName(HWY_TARGET),
                    .group_size_count = kSizeCount,
                    .group_sizes = kSizes,
                    .kernels = {}};
  SetFloatKernels(table);
  SetQuantKernels<PairDot>(table);
  return table;
}

#if HWY_TARGET <= HWY_AVX3
KernelTable MakeVnniTable() {
  KernelTable table = MakeTable();
  table.name = "AVX3_VNNI";
  SetQuantKernels<VnniDot>(table);
  return table;
}

KernelTable MakeBFloat16Table() {
  KernelTable table = MakeVnniTable();
  table.name = "AVX3_VNNI_BF16";
  At(table, DType::kBF16) = {HOLDFAST_ALL_SIZES(HOLDFAST_BF16_PAIRS), MakeBFloat16Panel, 128};
  return table;
}
#endif

#endif  // HOLDFAST_HAS_VECTORS

// This target's tables that the CPU runs, the slowest first.
void AppendTables(std::vector<const KernelTable*>& tables) {
#if HOLDFAST_HAS_VECTORS
  static const KernelTable table = MakeTable();
  tables.push_back(&table);
#endif
#if HWY_TARGET <= HWY_AVX3
  if (!__builtin_cpu_supports("avx512vnni")) return;
  static const KernelTable vnni = MakeVnniTable();
  if (__builtin_cpu_supports("avx512bf16")) {
    static const KernelTable bfloat16 = MakeBFloat16Table();
    // Intel's VDPBF16PS has half the rate of its f32 multiply-add (measured on Sapphire Rapids: 115
    // against 230 GFLOP/s a core), AMD's has double.
    if (__builtin_cpu_is("intel")) {
      tables.insert(tables.end(), {&bfloat16, &vnni});
    } else {
      tables.insert(tables.end(), {&vnni, &bfloat16});
    }
    return;
  }
  tables.push_back(&vnni);
#endif
  (void)tables;
}

}  // namespace HWY_NAMESPACE
}  // namespace holdfast::kernels::internal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels::internal {

HWY_EXPORT(AppendTables);

const KernelTable* BestTable() {
  static const KernelTable* const kBest = []() -> const KernelTable* {
    std::vector<const KernelTable*> tables;
    HWY_DYNAMIC_DISPATCH(AppendTables)(tables);
    return tables.empty() ? nullptr : tables.back();
  }();
  return kBest;
}

std::vector<const KernelTable*> SupportedTables() {
  std::vector<const KernelTable*> tables;
  // A higher bit is a lesser target.
  std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  for (int bit = 62; bit >= 0; --bit) {
    if ((targets >> bit & 1) == 0) continue;
    hwy::SetSupportedTargetsForTest(std::int64_t{1} << bit);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    HWY_DYNAMIC_DISPATCH(AppendTables)(tables);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return tables;
}

}  // namespace holdfast::kernels::internal
#endif
