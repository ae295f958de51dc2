#include "trainer/data/token_shard.h"

#include <bit>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"
#include "crypto/digest.h"
#include "weights/atomic_file.h"

namespace holdfast::trainer {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as little-endian");

constexpr char kMagic[8] = {'H', 'F', 'T', 'O', 'K', 'E', 'N', 'S'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kFlagMask = 1;
constexpr std::size_t kSectionAlignment = 8;

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t token_width;  // Bytes of one token: 2 or 4.
  std::uint64_t token_count;
  std::uint64_t document_count;
  std::uint64_t target_text_bytes;
  std::uint32_t vocab_size;
  std::uint32_t flags;
  std::int32_t pad_id;
  std::uint32_t reserved;
  crypto::Digest256 checksum;  // BLAKE2b-256 of the file with this field zero.
};
static_assert(sizeof(Header) == 88);

std::size_t Align(std::size_t bytes) {
  return (bytes + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// Offsets of the sections that follow the header, each at a multiple of 8.
struct Layout {
  std::size_t tokens, ends, mask, text_bytes, end;
};

Layout LayoutOf(const Header& header) {
  Layout layout{};
  layout.tokens = sizeof(Header);
  layout.ends = Align(layout.tokens + header.token_count * header.token_width);
  layout.mask = layout.ends + header.document_count * sizeof(std::uint64_t);
  layout.text_bytes =
      layout.mask + ((header.flags & kFlagMask) != 0 ? Align((header.token_count + 7) / 8) : 0);
  layout.end = layout.text_bytes + header.vocab_size;
  return layout;
}

crypto::Digest256 ChecksumOf(const Header& header, std::span<const std::byte> body) {
  Header blank = header;
  blank.checksum = {};
  crypto::Blake2b digest;
  digest.Update(std::as_bytes(std::span(&blank, 1)));
  digest.Update(body);
  return digest.Finish();
}

Result<void> CheckHeader(const Header& header, std::size_t file_bytes, const std::string& name) {
  if (header.version != kVersion) {
    return Fail(ErrorCode::kUnsupported, "{}: shard version {}, this build reads {}", name,
                header.version, kVersion);
  }
  if (header.token_width != 2 && header.token_width != 4) {
    return Fail(ErrorCode::kCorrupt, "{}: token width {}", name, header.token_width);
  }
  // Both counts are below the file's size before they are multiplied, so nothing overflows.
  if (header.token_count > file_bytes || header.document_count > header.token_count ||
      header.vocab_size == 0 || header.vocab_size > kShardVocabMax ||
      LayoutOf(header).end != file_bytes) {
    return Fail(ErrorCode::kCorrupt, "{}: {} tokens in {} documents do not make {} bytes", name,
                header.token_count, header.document_count, file_bytes);
  }
  if (header.pad_id < 0 || static_cast<std::uint32_t>(header.pad_id) >= header.vocab_size) {
    return Fail(ErrorCode::kCorrupt, "{}: padding id {} of {}", name, header.pad_id,
                header.vocab_size);
  }
  return {};
}

}  // namespace

TokenShardBuilder::TokenShardBuilder(std::vector<std::uint8_t> token_text_bytes,
                                     std::int32_t pad_id, bool has_mask)
    : token_text_bytes_(std::move(token_text_bytes)), pad_id_(pad_id), has_mask_(has_mask) {
  CHECK(!token_text_bytes_.empty() &&
        token_text_bytes_.size() <= static_cast<std::size_t>(kShardVocabMax));
  CHECK(pad_id >= 0 && static_cast<std::size_t>(pad_id) < token_text_bytes_.size());
}

void TokenShardBuilder::Add(std::span<const std::int32_t> ids, std::span<const std::uint8_t> mask) {
  CHECK(!ids.empty());
  CHECK(mask.size() == (has_mask_ ? ids.size() : 0));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < token_text_bytes_.size());
    tokens_.push_back(ids[i]);
    if (has_mask_) mask_.push_back(mask[i]);
    if (!has_mask_ || mask[i] != 0) {
      target_text_bytes_ += token_text_bytes_[static_cast<std::size_t>(ids[i])];
    }
  }
  ends_.push_back(tokens_.size());
}

Result<void> TokenShardBuilder::Write(const std::filesystem::path& path) const {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kVersion;
  header.token_width = token_text_bytes_.size() <= 65536 ? 2 : 4;
  header.token_count = tokens_.size();
  header.document_count = ends_.size();
  header.target_text_bytes = static_cast<std::uint64_t>(target_text_bytes_);
  header.vocab_size = static_cast<std::uint32_t>(token_text_bytes_.size());
  header.flags = has_mask_ ? kFlagMask : 0;
  header.pad_id = pad_id_;

  const Layout layout = LayoutOf(header);
  std::string bytes(layout.end, '\0');
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    std::memcpy(bytes.data() + layout.tokens + i * header.token_width, &tokens_[i],
                header.token_width);
  }
  if (!ends_.empty()) {
    std::memcpy(bytes.data() + layout.ends, ends_.data(), ends_.size() * sizeof(std::uint64_t));
  }
  for (std::size_t i = 0; i < mask_.size(); ++i) {
    if (mask_[i] != 0) bytes[layout.mask + i / 8] |= static_cast<char>(1 << (i % 8));
  }
  std::memcpy(bytes.data() + layout.text_bytes, token_text_bytes_.data(), token_text_bytes_.size());
  header.checksum = ChecksumOf(header, std::as_bytes(std::span(bytes).subspan(sizeof(Header))));
  std::memcpy(bytes.data(), &header, sizeof(Header));
  return weights::WriteWholeFile(path, bytes);
}

Result<TokenShard> TokenShard::Open(const std::filesystem::path& path) {
  TokenShard shard;
  TRY_ASSIGN(shard.file_, tensor::MappedFile::Open(path));
  const std::span<const std::byte> bytes = shard.file_.bytes();
  const std::string name = path.string();
  Header header;
  if (bytes.size() < sizeof(Header) || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: not a token shard", name);
  }
  std::memcpy(&header, bytes.data(), sizeof(Header));
  TRY(CheckHeader(header, bytes.size(), name));
  if (ChecksumOf(header, bytes.subspan(sizeof(Header))) != header.checksum) {
    return Fail(ErrorCode::kCorrupt, "{}: the checksum does not match", name);
  }

  const Layout layout = LayoutOf(header);
  const auto* base = bytes.data();
  if (header.token_width == 2) {
    shard.narrow_ = {reinterpret_cast<const std::uint16_t*>(base + layout.tokens),
                     header.token_count};
  } else {
    shard.wide_ = {reinterpret_cast<const std::uint32_t*>(base + layout.tokens),
                   header.token_count};
  }
  shard.ends_ = {reinterpret_cast<const std::uint64_t*>(base + layout.ends), header.document_count};
  shard.mask_ = {reinterpret_cast<const std::uint8_t*>(base + layout.mask),
                 layout.text_bytes - layout.mask};
  shard.token_text_bytes_ = {reinterpret_cast<const std::uint8_t*>(base + layout.text_bytes),
                             header.vocab_size};
  shard.token_count_ = static_cast<std::int64_t>(header.token_count);
  shard.target_text_bytes_ = static_cast<std::int64_t>(header.target_text_bytes);
  shard.pad_id_ = header.pad_id;
  std::memcpy(&shard.fingerprint_, header.checksum.data(), sizeof(shard.fingerprint_));

  std::uint64_t last = 0;
  for (const std::uint64_t end : shard.ends_) {
    if (end <= last || end > header.token_count) {
      return Fail(ErrorCode::kCorrupt, "{}: a document ends at token {} after {}", name, end, last);
    }
    last = end;
  }
  if (last != header.token_count) {
    return Fail(ErrorCode::kCorrupt, "{}: documents end at token {} of {}", name, last,
                header.token_count);
  }
  for (std::int64_t i = 0; i < shard.token_count_; ++i) {
    if (static_cast<std::uint32_t>(shard.Token(i)) >= header.vocab_size) {
      return Fail(ErrorCode::kCorrupt, "{}: token {} has id {} of {}", name, i, shard.Token(i),
                  header.vocab_size);
    }
  }
  return shard;
}

}  // namespace holdfast::trainer
