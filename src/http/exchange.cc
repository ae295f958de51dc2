#include "http/exchange.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "http/response_text.h"

namespace holdfast::http {
namespace {

bool MayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

Exchange::Exchange(net::Connection& connection, RequestReader& reader, const Facts& facts,
                   RequestHead head, bool allows_keep_alive)
    : connection_(connection),
      reader_(reader),
      facts_(facts),
      head_(std::move(head)),
      keeps_alive_(allows_keep_alive && head_.keeps_alive),
      stop_(connection.executor()) {
  connection_.SetPeerGoneNotify([this] { stop_.Stop(net::StopReason::kClientLeft); });
}

void Exchange::AddHeader(std::string name, std::string value) {
  extra_headers_.push_back({std::move(name), std::move(value)});
}

std::string Exchange::WriteHead(const ResponseHead& head, std::string_view framing) const {
  constexpr std::size_t kUsualBytes = 2 << 10;
  std::string text;
  text.reserve(kUsualBytes);
  AppendHead(head,
             {.headers = extra_headers_,
              .lines = extra_lines_,
              .framing = framing,
              .keeps_alive = keeps_alive_},
             text);
  return text;
}

net::Awaitable<Result<void>> Exchange::WriteToPeer(std::string_view bytes) {
  Result<void> written = co_await connection_.Write(bytes);
  if (!written && written.error().code == ErrorCode::kDeadlineExceeded) is_reader_too_slow_ = true;
  co_return written;
}

// The head, and the body where it is short; what is left of it stays in `body`.
std::string Exchange::WriteWhole(const ResponseHead& head, std::string_view& body) {
  CHECK(!has_begun());
  status_ = head.status;
  // What is left of an unread body would be taken for the next request.
  if (!reader_.is_body_done()) keeps_alive_ = false;
  std::string framing;
  if (MayHaveBody(head.status)) AppendContentLength(body.size(), framing);
  std::string text = WriteHead(head, framing);
  if (!MayHaveBody(head.status) || head_.method == Method::kHead) body = {};
  constexpr std::size_t kJoinedBytesMax = 32 << 10;
  if (body.size() <= kJoinedBytesMax) text += std::exchange(body, {});
  return text;
}

net::Awaitable<Result<void>> Exchange::Send(const ResponseHead& head, std::string_view body) {
  const std::string text = WriteWhole(head, body);
  CO_TRY(co_await WriteToPeer(text));
  if (!body.empty()) CO_TRY(co_await WriteToPeer(body));
  has_ended_ = true;
  co_return Result<void>{};
}

net::Awaitable<Result<void>> Exchange::SendUnread(const ResponseHead& head, std::string_view body) {
  is_passed_over_ = reader_.DropBody();
  const std::string text = WriteWhole(head, body);
  CHECK(body.empty());
  const bool has_next = keeps_alive_ && is_passed_over_ && !connection_.input().empty();
  if (!has_next || !connection_.WriteLater(text)) CO_TRY(co_await WriteToPeer(text));
  has_ended_ = true;
  co_return Result<void>{};
}

void Exchange::AnswerRepeats(Repeats::Again again) {
  if (!keeps_alive() || !is_passed_over_ || head_.method == Method::kHead) return;
  reader_.repeats().OnTurnedAway(head_.content_length.value_or(0), std::move(again));
}

net::Awaitable<Result<void>> Exchange::Begin(const ResponseHead& head) {
  CHECK(!has_begun());
  status_ = head.status;
  if (!reader_.is_body_done()) keeps_alive_ = false;
  is_chunked_ = !head_.is_http_1_0;
  if (!is_chunked_) keeps_alive_ = false;
  const std::string text =
      WriteHead(head, is_chunked_ ? "Transfer-Encoding: chunked\r\n" : std::string_view{});
  co_return co_await WriteToPeer(text);
}

// Without a library that formats: every token passes here.
std::string Exchange::Framed(std::string_view part) const {
  if (part.empty() || head_.method == Method::kHead) return {};
  if (!is_chunked_) return std::string(part);
  std::array<char, 2 * sizeof(std::size_t)> digits;
  char* const end = std::to_chars(digits.begin(), digits.end(), part.size(), 16).ptr;
  std::string chunk;
  chunk.reserve(digits.size() + part.size() + 4);
  chunk.append(digits.begin(), end).append("\r\n").append(part).append("\r\n");
  return chunk;
}

net::Awaitable<Result<void>> Exchange::Write(std::string_view part) {
  CHECK(has_begun() && !has_ended_);
  const std::string bytes = std::exchange(unsent_, {}) + Framed(part);
  if (bytes.empty()) co_return Result<void>{};
  co_return co_await WriteToPeer(bytes);
}

bool Exchange::WriteNow(std::string_view part) {
  CHECK(has_begun() && !has_ended_ && unsent_.empty());
  std::string bytes = Framed(part);
  const std::size_t count = connection_.WriteNow(bytes);
  if (count == bytes.size()) return true;
  bytes.erase(0, count);
  unsent_ = std::move(bytes);
  return false;
}

net::Awaitable<Result<void>> Exchange::End() {
  CHECK(has_begun() && !has_ended_);
  std::string bytes = std::exchange(unsent_, {});
  if (is_chunked_ && head_.method != Method::kHead) bytes += "0\r\n\r\n";
  if (!bytes.empty()) CO_TRY(co_await WriteToPeer(bytes));
  has_ended_ = true;
  co_return Result<void>{};
}

void Exchange::Abort() {
  keeps_alive_ = false;
  connection_.Close();
}

}  // namespace holdfast::http
