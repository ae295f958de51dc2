#include "engine/token_stream.h"

#include <utility>

#include "base/check.h"

namespace holdfast::engine {
namespace {

class ChannelReader final : public TokenStream {
 public:
  explicit ChannelReader(std::shared_ptr<TokenChannel> channel) : channel_(std::move(channel)) {}
  ~ChannelReader() override {
    channel_->Cancel();
    channel_->SetNotify(nullptr);
  }

  Batch Take() override { return channel_->Take(); }
  void SetNotify(std::move_only_function<void()> notify) override {
    channel_->SetNotify(std::move(notify));
  }
  void Cancel() override { channel_->Cancel(); }

 private:
  std::shared_ptr<TokenChannel> channel_;
};

}  // namespace

bool TokenChannel::Push(TokenEvent event, const Usage& usage) {
  const std::lock_guard lock(mutex_);
  CHECK(!is_finished_);
  if (static_cast<std::int64_t>(waiting_.tokens.size()) >= capacity_) return false;
  const bool was_empty = waiting_.tokens.empty();
  waiting_.tokens.push_back(std::move(event));
  waiting_.usage = usage;
  if (was_empty) Notify();
  return true;
}

void TokenChannel::Finish(FinishReason reason, const Usage& usage) {
  const std::lock_guard lock(mutex_);
  CHECK(!is_finished_);
  is_finished_ = true;
  const bool was_empty = waiting_.tokens.empty();
  waiting_.finish = reason;
  waiting_.usage = usage;
  if (was_empty) Notify();
}

TokenStream::Batch TokenChannel::Take() {
  const std::lock_guard lock(mutex_);
  TokenStream::Batch batch = std::exchange(waiting_, {});
  waiting_.usage = batch.usage;
  return batch;
}

void TokenChannel::SetNotify(std::move_only_function<void()> notify) {
  const std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
  if (!waiting_.tokens.empty() || waiting_.finish) Notify();
}

// Under the lock, which is what makes the last invariant in the header hold.
void TokenChannel::Notify() {
  if (notify_) notify_();
}

std::unique_ptr<TokenStream> MakeTokenStream(std::shared_ptr<TokenChannel> channel) {
  return std::make_unique<ChannelReader>(std::move(channel));
}

}  // namespace holdfast::engine
