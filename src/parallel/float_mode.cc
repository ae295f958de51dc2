#include "parallel/float_mode.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace holdfast::parallel {

#if defined(__x86_64__)

namespace {
constexpr FloatMode kStickyFlags = 0x3F;
}  // namespace

FloatMode CurrentFloatMode() { return _mm_getcsr() & ~kStickyFlags; }
void SetFloatMode(FloatMode mode) { _mm_setcsr(mode); }

SubnormalsAreZero::SubnormalsAreZero() : before_(CurrentFloatMode()) {
  SetFloatMode(before_ | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
}

#else

FloatMode CurrentFloatMode() { return 0; }
void SetFloatMode(FloatMode) {}

SubnormalsAreZero::SubnormalsAreZero() : before_(CurrentFloatMode()) {}

#endif

SubnormalsAreZero::~SubnormalsAreZero() { SetFloatMode(before_); }

}  // namespace holdfast::parallel
