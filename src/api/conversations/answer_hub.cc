#include "api/conversations/answer_hub.h"

#include <utility>
#include <vector>

namespace holdfast::api {

ApiResult<void> AnswerHub::Add(std::shared_ptr<LiveAnswer> answer) {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return std::unexpected(ToApiError(Reason::kDraining));
  if (answers_.size() >= kLiveAnswersMax) return std::unexpected(ToApiError(Reason::kQueueFull));
  const std::string& id = answer->ids().message_id;
  answers_.insert_or_assign(id, std::move(answer));
  return {};
}

void AnswerHub::Remove(const LiveAnswer& answer) {
  const std::lock_guard lock(mutex_);
  answers_.erase(answer.ids().message_id);
}

std::shared_ptr<LiveAnswer> AnswerHub::Find(std::string_view account_id,
                                            std::string_view message_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(message_id);
  if (found == answers_.end() || found->second->ids().account_id != account_id) return nullptr;
  return found->second;
}

void AnswerHub::StopAll() {
  std::vector<std::shared_ptr<LiveAnswer>> answers;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (const auto& [id, answer] : answers_) answers.push_back(answer);
  }
  for (const auto& answer : answers) answer->AskToStop();
}

bool AnswerHub::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

}  // namespace holdfast::api
