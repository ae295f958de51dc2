// CRC-32C (Castagnoli), as in iSCSI (RFC 3720): finds damage in what is short, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::journal {

std::uint32_t Crc32c(std::span<const std::byte> bytes);

}  // namespace holdfast::journal
