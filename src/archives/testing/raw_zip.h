// RawZip: a ZIP written byte by byte (PKWARE's APPNOTE), so that it can say what no honest program
// says. Tests only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::archives::testing {

struct RawEntry {
  std::string name = {};
  std::string data = {};  // As it lies in the archive.
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::uint32_t attributes = 0100644U << 16;  // Unix's mode.
  // What the headers say where it is not the truth of a stored file.
  std::optional<std::uint32_t> packed_bytes = {};
  std::optional<std::uint32_t> unpacked_bytes = {};
  std::optional<std::uint32_t> checksum = {};
};

inline std::uint32_t Crc32(std::string_view bytes) {
  std::uint32_t sum = ~0U;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~sum;
}

inline void PutNumber(std::string& bytes, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i));
}

// What the local and the central header have in common, from "version needed" on.
inline void PutCommon(std::string& bytes, const RawEntry& entry) {
  const auto size = static_cast<std::uint32_t>(entry.data.size());
  PutNumber(bytes, 20, 2);
  PutNumber(bytes, entry.flags, 2);
  PutNumber(bytes, entry.method, 2);
  PutNumber(bytes, 0x5A21'0000, 4);  // A day of 2025.
  PutNumber(bytes, entry.checksum.value_or(Crc32(entry.data)), 4);
  PutNumber(bytes, entry.packed_bytes.value_or(size), 4);
  PutNumber(bytes, entry.unpacked_bytes.value_or(size), 4);
  PutNumber(bytes, entry.name.size(), 2);
  PutNumber(bytes, 0, 2);  // Extra fields.
}

inline std::string RawZip(const std::vector<RawEntry>& entries) {
  std::string bytes;
  std::string directory;
  for (const RawEntry& entry : entries) {
    directory += "PK\x01\x02";
    PutNumber(directory, 0x0314, 2);  // Made by Unix.
    PutCommon(directory, entry);
    PutNumber(directory, 0, 6);  // Comment, disk, internal attributes.
    PutNumber(directory, entry.attributes, 4);
    PutNumber(directory, bytes.size(), 4);
    directory += entry.name;
    bytes += "PK\x03\x04";
    PutCommon(bytes, entry);
    bytes += entry.name + entry.data;
  }
  const std::size_t directory_at = bytes.size();
  bytes += directory;
  bytes += "PK\x05\x06";
  PutNumber(bytes, 0, 4);
  PutNumber(bytes, entries.size(), 2);
  PutNumber(bytes, entries.size(), 2);
  PutNumber(bytes, directory.size(), 4);
  PutNumber(bytes, directory_at, 4);
  PutNumber(bytes, 0, 2);
  return bytes;
}

}  // namespace holdfast::archives::testing
