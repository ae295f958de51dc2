#include "journal/writer.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace holdfast::journal {
namespace {

guard::Time TimeOf(const EncodedRow& row) {
  const Result<Row> decoded = Decode(row);
  return decoded ? decoded->time : guard::Time{};
}

// A signal is for the thread that waits for it.
template <typename Body>
std::thread StartWithoutSignals(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::Open(const std::filesystem::path& folder,
                                             WriterOptions options) {
  CHECK(options.clock != nullptr);
  TRY_ASSIGN(std::unique_ptr<SegmentRing> ring, SegmentRing::Open(folder, options.ring));
  if (ring->cut_bytes() > 0) {
    log::warn("journal: {} bytes that a crash left unfinished were cut off", ring->cut_bytes());
  }
  return std::unique_ptr<Writer>(new Writer(std::move(ring), std::move(options)));
}

Writer::Writer(std::unique_ptr<SegmentRing> ring, WriterOptions options)
    : options_(std::move(options)), queue_(options_.rows_max), ring_(std::move(ring)) {
  if (const auto last = ring_->last_row()) {
    const guard::Time now = options_.clock().time;
    Push({.time = now, .what = Gap{.cause = GapCause::kRestart, .from = *last, .to = now}});
  }
  thread_ = StartWithoutSignals([this] { Run(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  queue_.Wake();
  thread_.join();
}

bool Writer::Flush(std::chrono::milliseconds time_max) {
  std::unique_lock lock(mutex_);
  const std::uint64_t asked = ++flushes_asked_;
  queue_.Wake();
  return has_flushed_.wait_for(lock, time_max, [&] { return flushes_done_ >= asked; });
}

WriterCounters Writer::counters() const {
  return {
      .written = written_, .lost = lost_count_ + queue_.dropped_count(), .is_failing = is_failing_};
}

void Writer::Run() {
  auto synced = std::chrono::steady_clock::now();
  while (true) {
    queue_.Wait(options_.write_every);
    std::uint64_t flush = 0;
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      flush = flushes_asked_;
      is_last = is_stopping_;
    }
    WriteAll();
    const auto now = std::chrono::steady_clock::now();
    const bool is_asked = is_last || flush > flushes_done_;
    if (is_asked || now - synced >= options_.sync_every) {
      Sync();
      synced = now;
    }
    {
      const std::lock_guard lock(mutex_);
      flushes_done_ = flush;
    }
    has_flushed_.notify_all();
    if (is_last) return;
  }
}

void Writer::WriteAll() {
  queue_.Take(rows_);
  for (std::span<const EncodedRow> rest = rows_; !rest.empty();) {
    const auto block = rest.first(std::min(rest.size(), kBlockRowsMax));
    // What a full disk would not take will not fit a moment later either.
    if (const Result<void> written = Write(block); !written) return Lose(rest, written.error());
    rest = rest.subspan(block.size());
  }
}

Result<void> Writer::Write(std::span<const EncodedRow> rows) {
  if (lost_.rows > 0) TRY(TellLoss());
  TRY(ring_->Append(rows, options_.clock()));
  written_ += rows.size();
  if (is_failing_.exchange(false)) log::info("journal: it is written again");
  return {};
}

Result<void> Writer::TellLoss() {
  const EncodedRow gap = Encode({.time = lost_.to, .what = lost_});
  TRY(ring_->Append(std::span(&gap, 1), options_.clock()));
  log::info("journal: {} rows were lost", lost_.rows);
  lost_.rows = 0;
  ++written_;
  return {};
}

void Writer::Lose(std::span<const EncodedRow> rows, const Error& error) {
  if (lost_.rows == 0) lost_.from = TimeOf(rows.front());
  lost_.to = std::max(lost_.to, TimeOf(rows.back()));
  lost_.rows += rows.size();
  lost_count_ += rows.size();
  if (is_failing_.exchange(true)) return;
  log::error("journal: {}; the service goes on, and rows are lost until it can be written",
             error.message);
}

void Writer::Sync() {
  const Result<void> synced = ring_->Sync();
  if (synced || is_failing_.exchange(true)) return;
  log::error("journal: {}", synced.error().message);
}

}  // namespace holdfast::journal
