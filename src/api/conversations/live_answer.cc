#include "api/conversations/live_answer.h"

#include <algorithm>
#include <utility>

#include "json/json.h"

namespace holdfast::api {

std::string ChunkEvent(std::string_view content, std::string_view reasoning) {
  json::Object delta{{"content", content}};
  if (!reasoning.empty()) delta["reasoning_content"] = reasoning;
  json::Object choice{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", nullptr}};
  json::Object chunk{{"object", "chat.completion.chunk"},
                     {"choices", json::Array{std::move(choice)}}};
  return "data: " + json::Write(std::move(chunk)) + "\n\n";
}

void LiveAnswer::Publish(std::string raw, std::string_view content, std::string_view reasoning,
                         std::int64_t tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ += tokens;
  tail_bytes_ += raw.size();
  tail_.push_back({std::move(raw), std::string(content), std::string(reasoning)});
  while (tail_bytes_ > kLiveBytesMax && tail_.size() > 1) {
    const Entry& oldest = tail_.front();
    content_ += oldest.content;
    reasoning_ += oldest.reasoning;
    tail_bytes_ -= oldest.raw.size();
    tail_.pop_front();
    ++tail_begin_;
  }
  Wake();
}

void LiveAnswer::End(std::optional<ApiError> failure) {
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  failure_ = std::move(failure);
  ask_to_stop_ = nullptr;
  Wake();
}

LiveAnswer::Cursor LiveAnswer::Now() const {
  const std::lock_guard lock(mutex_);
  return {.event = tail_begin_ + tail_.size(), .has_begun = true};
}

LiveAnswer::Taken LiveAnswer::Take(Cursor& cursor) const {
  const std::lock_guard lock(mutex_);
  Taken taken;
  if (!std::exchange(cursor.has_begun, true)) {
    cursor.event = tail_begin_;
    taken.events = BeginningEvent();
  }
  if (cursor.event < tail_begin_) return {.events = {}, .is_over = false, .is_behind = true};
  while (cursor.event < tail_begin_ + tail_.size() && taken.events.size() < kTakeBytesMax) {
    taken.events += tail_[cursor.event++ - tail_begin_].raw;
  }
  taken.is_over = is_over_ && cursor.event == tail_begin_ + tail_.size();
  return taken;
}

std::optional<ApiError> LiveAnswer::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

LiveAnswer::Reader::~Reader() {
  if (answer_ == nullptr) return;
  const std::lock_guard lock(answer_->mutex_);
  std::erase(answer_->readers_, event_);
}

ApiResult<LiveAnswer::Reader> LiveAnswer::Join(const std::shared_ptr<LiveAnswer>& answer,
                                               std::shared_ptr<net::Event> event) {
  {
    const std::lock_guard lock(answer->mutex_);
    if (answer->readers_.size() >= kReadersMax) {
      return FailApi(Reason::kYourConcurrency, "This answer has too many readers.");
    }
    answer->readers_.push_back(event);
  }
  return Reader(answer, std::move(event));
}

void LiveAnswer::AskToStop() {
  std::function<void()> ask;
  {
    const std::lock_guard lock(mutex_);
    ask = std::exchange(ask_to_stop_, nullptr);
    if (ask) is_stop_asked_ = true;
  }
  if (ask) ask();
}

bool LiveAnswer::is_stop_asked() const {
  const std::lock_guard lock(mutex_);
  return is_stop_asked_;
}

std::int64_t LiveAnswer::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

std::string LiveAnswer::BeginningEvent() const {
  if (content_.empty() && reasoning_.empty()) return {};
  return ChunkEvent(content_, reasoning_);
}

void LiveAnswer::Wake() const {
  for (const std::shared_ptr<net::Event>& reader : readers_) net::Event::PostNotify(reader);
}

}  // namespace holdfast::api
