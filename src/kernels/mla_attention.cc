#include "kernels/mla_attention.h"

namespace holdfast::kernels {
void AbsorbedAttentionSpan(const AbsorbedAttention& task, const AttentionPartial& partial) {
  reference::AbsorbedAttentionSpan(task, partial);
}
void MergeAttention(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
                    std::int64_t width) {
  reference::MergeAttention(into, next, rows, width);
}
void FinishAttention(const AttentionPartial& partial, std::int64_t rows, std::int64_t width) {
  reference::FinishAttention(partial, rows, width);
}
void ExpandedAttentionRange(const ExpandedAttention& task, const AttentionPartial& partial) {
  reference::ExpandedAttentionRange(task, partial);
}
}  // namespace holdfast::kernels
