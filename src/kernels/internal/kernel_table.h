// One table of kernels per instruction set, all with the same signatures, chosen once at run time:
// the seam behind which a faster instruction set is added. Tables are constant and thread-safe.
//
// A product takes one tile of the weight (tile_layout.h) and one panel of activations: up to
// kGroupRowsMax rows of x, quantized or rounded as the weight's type wants, and interleaved so that
// the kernel reads them in order. For a given table and type the bits of a result depend only on
// its own row of x and of W, never on the group size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace holdfast::kernels::internal {

constexpr int kDTypeCount = static_cast<int>(tensor::DType::kI64) + 1;
constexpr int kGroupSizesMax = 5;
constexpr std::int64_t kGroupRowsMax = 16;

struct ProductArgs {
  const std::byte* tile = nullptr;
  const std::byte* panel = nullptr;
  std::int64_t units = 0;
  float* y = nullptr;         // Output of the group's first row and the tile's first column.
  std::int64_t y_stride = 0;  // In floats.
  std::int64_t rows = 0;      // Rows of the group that exist; the rest of the panel is padding.
  std::int64_t outputs = 0;   // Columns of the tile that exist, 1..16.
};
using Product = void (*)(const ProductArgs& args);

struct PanelArgs {
  const float* const* rows = nullptr;  // [count] rows of x.
  std::int64_t count = 0;              // Rows that exist; the panel is padded to group_rows.
  std::int64_t group_rows = 0;
  std::int64_t columns = 0;
  std::int64_t units = 0;
  std::byte* panel = nullptr;  // [group_rows * units * panel_unit_bytes]
};
using MakePanel = void (*)(const PanelArgs& args);

struct Kernel {
  // Products for group_sizes[i] rows.
  std::array<Product, kGroupSizesMax> products{};
  MakePanel make_panel = nullptr;
  std::size_t panel_unit_bytes = 0;  // For one row and one unit of K.
};

struct KernelTable {
  std::string_view name;
  int group_size_count = 0;
  std::array<int, kGroupSizesMax> group_sizes{};  // Rising.
  std::array<Kernel, kDTypeCount> kernels{};

  const Kernel& For(tensor::DType type) const { return kernels[static_cast<std::size_t>(type)]; }
};

// The fastest table this CPU runs; null if there is none, and the reference products must do.
const KernelTable* BestTable();

// Every table this CPU runs, the slowest first. For tests; not while products run elsewhere.
std::vector<const KernelTable*> SupportedTables();

}  // namespace holdfast::kernels::internal
