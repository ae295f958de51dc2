#include "api/conversations/importing.h"

#include <utility>

#include "api/conversations/service.h"
#include "conversations/import_job.h"

namespace holdfast::api {
namespace {

using Trees = std::vector<conversations::ConversationTree>;

ApiError ToImportError(const Error& error) {
  if (error.code == ErrorCode::kResourceExhausted) return ToApiError(Reason::kQueueFull);
  return ToConversationError(error);
}

}  // namespace

// An account's turn; it ends when this goes.
class Importing::Turn {
 public:
  Turn(Importing& importing, std::string account)
      : importing_(importing), account_(std::move(account)) {
    const std::scoped_lock lock(importing_.mutex_);
    is_taken_ = importing_.accounts_.insert(account_).second;
  }
  ~Turn() {
    const std::scoped_lock lock(importing_.mutex_);
    if (is_taken_) importing_.accounts_.erase(account_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool is_taken() const { return is_taken_; }

 private:
  Importing& importing_;
  const std::string account_;
  bool is_taken_ = false;
};

net::Awaitable<ApiResult<Trees>> Importing::Read(const std::string& account,
                                                 const std::shared_ptr<const std::string>& file) {
  const Turn turn(*this, account);
  if (!turn.is_taken()) {
    co_return FailApi(Reason::kConflict, "Another file of yours is being read. Please wait.");
  }
  auto work = [&sandbox = sandbox_, file] {
    return conversations::ImportInSandbox(sandbox, *file);
  };
  auto read = co_await pool_.Run(std::move(work));
  if (!read) co_return std::unexpected(ToImportError(read.error()));
  if (!*read) co_return std::unexpected(ToImportError(read->error()));
  co_return std::move(**read);
}

void Importing::Stop() {
  sandbox_.Stop();
  pool_.Stop();
}

}  // namespace holdfast::api
