// What the bits of all kernels rest on: the compiler fuses no multiplication with an addition that
// the code does not ask to be fused.
#include <gtest/gtest.h>

namespace holdfast::kernels {
namespace {

#if defined(__x86_64__)
__attribute__((target("fma"), noinline)) float MultiplyAdd(float a, float b, float c) {
  return a * b + c;
}

TEST(Compiler, FusesNothingUnasked) {
  if (!__builtin_cpu_supports("fma")) GTEST_SKIP() << "no fused multiply-add here";
  // The square of 1 + 2^-12 is rounded to 1 + 2^-11; fused, its last bit would be left over.
  volatile float a = 1.0f + 0x1p-12f, c = -(1.0f + 0x1p-11f);
  EXPECT_EQ(MultiplyAdd(a, a, c), 0.0f);
}
#endif

}  // namespace
}  // namespace holdfast::kernels
