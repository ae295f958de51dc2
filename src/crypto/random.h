// Random bytes of the operating system, for keys, tokens and salts. Not repeatable: what a run must
// repeat uses base/random.h. Free functions; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace holdfast::crypto {

void FillRandom(std::span<std::byte> bytes);

std::string RandomBytes(std::size_t count);

// `bytes` random bytes as base64url without padding, for what goes into a cookie, a link or a key.
// 32 bytes, 43 characters, cannot be guessed.
std::string RandomToken(std::size_t bytes);

}  // namespace holdfast::crypto
