// PageOut: gives memory back that was read and will not be read again soon, so that a pass over a
// file larger than the machine's memory holds little of it. A hint: the bytes stay what they are,
// and reading them again only costs time. Any memory, any bounds. Thread-safe.
#pragma once

#include <cstddef>
#include <span>

namespace holdfast::tensor {

void PageOut(std::span<const std::byte> bytes);

}  // namespace holdfast::tensor
