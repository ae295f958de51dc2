// How a thread's float arithmetic treats subnormal numbers (in f32 those below 2^-126), with which
// many processors are tens of times slower. Weights so small and the far tails of a softmax make
// them; beside the sums that they go into they are nothing.
//
// The mode belongs to a thread; ThreadPool runs tasks in the mode of the thread that calls Run.
// On processors other than x86-64 there is one mode, in which subnormals count.
#pragma once

#include <cstdint>

namespace holdfast::parallel {

// Opaque: the control word of the floating-point unit, without its sticky flags.
using FloatMode = std::uint32_t;

FloatMode CurrentFloatMode();
void SetFloatMode(FloatMode mode);

// While it lives, subnormal operands and results are zero on the thread that made it. Scopes nest.
class SubnormalsAreZero {
 public:
  SubnormalsAreZero();
  ~SubnormalsAreZero();
  SubnormalsAreZero(const SubnormalsAreZero&) = delete;
  SubnormalsAreZero& operator=(const SubnormalsAreZero&) = delete;

 private:
  FloatMode before_;
};

}  // namespace holdfast::parallel
