#include "convert/tensor_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "convert/rows.h"
#include "tensor/page_out.h"

namespace holdfast::convert {

void Fingerprint::AddWord(std::uint64_t word) {
  // Odd constants of the golden ratio; the rotation carries high bits down.
  state_ = std::rotl(state_ ^ (word * 0x9E3779B97F4A7C15u), 27) * 0xD1B54A32D192ED03u + 1;
}

void Fingerprint::Add(std::span<const std::byte> bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (pending_count_ == 0 && bytes.size() - at >= pending_.size()) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      AddWord(word);
      at += sizeof word;
      continue;
    }
    pending_[pending_count_++] = bytes[at++];
    if (pending_count_ == pending_.size()) {
      AddWord(std::bit_cast<std::uint64_t>(pending_));
      pending_count_ = 0;
    }
  }
}

std::uint64_t Fingerprint::value() const {
  Fingerprint last = *this;
  std::fill(last.pending_.begin() + static_cast<std::ptrdiff_t>(pending_count_),
            last.pending_.end(), std::byte{0});
  last.AddWord(std::bit_cast<std::uint64_t>(last.pending_) ^ pending_count_);
  return last.state_ ^ (last.state_ >> 29);
}

Result<Fingerprint> StreamTensor(
    const OutputTensor& output, parallel::ThreadPool& pool,
    const std::function<Result<void>(std::span<const std::byte>)>& write) {
  const std::int64_t rows =
      tensor::TensorView{.dtype = output.spec.dtype, .shape = output.spec.shape}.Rows();
  const std::int64_t chunk_rows = ChunkRows(output);
  // A few chunks a worker at a time: enough to share the work, little memory.
  const std::int64_t wave_chunks = 4 * pool.worker_count();
  Fingerprint fingerprint;
  for (std::int64_t begin = 0; begin < rows; begin += wave_chunks * chunk_rows) {
    const std::int64_t wave_rows = std::min(rows - begin, wave_chunks * chunk_rows);
    const std::int64_t chunks = (wave_rows + chunk_rows - 1) / chunk_rows;
    std::vector<std::optional<Result<std::vector<std::byte>>>> encoded(
        static_cast<std::size_t>(chunks));
    pool.Run(chunks, [&](std::int64_t chunk, int) {
      const std::int64_t first = begin + chunk * chunk_rows;
      encoded[static_cast<std::size_t>(chunk)] =
          EncodeRows(output, first, std::min(chunk_rows, rows - first));
    });
    for (const auto& bytes : encoded) {
      if (!*bytes) return Fail((*bytes).error());
      fingerprint.Add(**bytes);
      TRY(write(**bytes));
    }
  }
  for (const tensor::TensorView& part : output.parts) {
    tensor::PageOut({part.data, part.Bytes()});
  }
  return fingerprint;
}

}  // namespace holdfast::convert
