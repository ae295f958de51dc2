#include "http/client.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/beast.h"
#include "net/event.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kReadBytes = 16 << 10;
// Interim answers (1xx) before the real one.
constexpr int kInterimMax = 8;

}  // namespace

struct ClientCall::Parser {
  wire::response_parser<wire::string_body> beast;
};

ClientCall::ClientCall(const ClientLimits& limits) : limits_(limits) { NewParser(); }

ClientCall::~ClientCall() { Close(); }

void ClientCall::Close() {
  is_closed_ = true;
  if (dial_stop_) dial_stop_->Stop(net::StopReason::kClientLeft);
  if (stream_ != nullptr) stream_->Close();
}

void ClientCall::NewParser() {
  parser_ = std::make_unique<Parser>();
  parser_->beast.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser_->beast.body_limit(boost::none);
}

namespace {

std::string WriteHead(const ClientRequest& request) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", MethodName(request.method), request.target,
                  request.host.empty() ? std::string_view("localhost") : request.host);
  if (!request.keeps_alive) text += "Connection: close\r\n";
  for (const Header& header : request.headers) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  std::size_t body_bytes = request.body.size();
  for (const std::string_view part : request.more_body) body_bytes += part.size();
  if (body_bytes > 0 || request.method == Method::kPost) {
    text += fmt::format("Content-Length: {}\r\n", body_bytes);
  }
  text += "\r\n";
  return text;
}

}  // namespace

net::Awaitable<Result<void>> ClientCall::Start(const net::Endpoint& endpoint,
                                               const ClientRequest& request,
                                               net::TimePoint head_deadline) {
  dial_stop_.emplace(co_await net::CurrentExecutor());
  if (is_closed_) co_return Fail(ErrorCode::kCancelled, "the call was closed");
  const net::DialOptions options{
      .deadline = std::min(head_deadline, net::Clock::now() + limits_.connect_time_max),
      .stop = &*dial_stop_};
  CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream, co_await net::Dial(endpoint, options));
  if (!request.host.empty() || endpoint.IsUnix()) {
    co_return co_await StartOn(std::move(stream), request, head_deadline);
  }
  ClientRequest named = request;
  named.host = endpoint.ToString();
  co_return co_await StartOn(std::move(stream), named, head_deadline);
}

net::Awaitable<Result<void>> ClientCall::StartOn(std::unique_ptr<net::Stream> stream,
                                                 const ClientRequest& request,
                                                 net::TimePoint head_deadline) {
  CHECK(stream_ == nullptr);
  stream_ = std::move(stream);
  if (is_closed_) {
    stream_->Close();
    co_return Fail(ErrorCode::kCancelled, "the call was closed");
  }
  watchdog_ = std::make_unique<net::Watchdog>(stream_->executor(), [this] { stream_->Close(); });
  watchdog_->Set(head_deadline);
  const Result<void> written = co_await Send(request);
  if (!written && (is_closed_ || watchdog_->is_late())) {
    co_return Fail(WhyItEnded(written.error()));
  }
  // A server that refuses early may stop reading; its answer is still worth having.
  Result<void> head = co_await ReadHead(head_deadline);
  if (!head && !written && !has_answered_) co_return Fail(WhyItEnded(written.error()));
  co_return head;
}

net::Awaitable<Result<void>> ClientCall::Send(const ClientRequest& request) {
  // The head and a small body leave in one piece.
  constexpr std::size_t kJoinBytesMax = 16 << 10;
  std::string text = WriteHead(request);
  std::vector<std::string_view> parts = {request.body};
  parts.insert(parts.end(), request.more_body.begin(), request.more_body.end());
  for (const std::string_view part : parts) {
    if (text.size() + part.size() <= kJoinBytesMax) {
      text += part;
      continue;
    }
    if (!text.empty()) CO_TRY(co_await stream_->WriteAll(text));
    text.clear();
    CO_TRY(co_await stream_->WriteAll(part));
  }
  if (text.empty()) co_return Result<void>{};
  co_return co_await stream_->WriteAll(text);
}

Error ClientCall::WhyItEnded(Error cause) const {
  if (is_closed_) return MakeError(ErrorCode::kCancelled, "the call was closed");
  if (watchdog_->is_late()) {
    return MakeError(ErrorCode::kDeadlineExceeded, "no bytes from the server in time");
  }
  if (cause.code == ErrorCode::kIo) cause.code = ErrorCode::kUnavailable;
  return cause;
}

// Reads more into the buffer. False: the server has sent its last byte.
net::Awaitable<Result<bool>> ClientCall::Fill(net::TimePoint deadline) {
  if (is_closed_) co_return Fail(ErrorCode::kCancelled, "the call was closed");
  CHECK(stream_ != nullptr);
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // More than a part of a head is never left unread, and the parser refuses a longer head.
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(end_ + kReadBytes);
  watchdog_->Set(deadline);
  const Result<std::size_t> count =
      co_await stream_->ReadSome(std::span(buffer_.data() + end_, buffer_.size() - end_));
  watchdog_->Set(net::kNoDeadline);
  if (!count || is_closed_ || watchdog_->is_late()) {
    co_return Fail(WhyItEnded(count ? Error{} : count.error()));
  }
  end_ += *count;
  has_answered_ = has_answered_ || *count > 0;
  co_return *count > 0;
}

net::Awaitable<Result<void>> ClientCall::ReadHead(net::TimePoint deadline) {
  int interim_count = 0;
  while (true) {
    boost::system::error_code error;
    begin_ += parser_->beast.put(net::asio::buffer(buffer_.data() + begin_, end_ - begin_), error);
    if (parser_->beast.is_header_done()) {
      const int status = static_cast<int>(parser_->beast.get().result_int());
      if (status >= 200) break;
      if (status == 101 || ++interim_count > kInterimMax) {
        co_return Fail(ErrorCode::kCorrupt, "the server answers with status {} only", status);
      }
      NewParser();
      continue;
    }
    if (error == wire::error::header_limit || end_ - begin_ > limits_.head_bytes_max) {
      co_return Fail(ErrorCode::kTooLarge, "the answer's head is over the limit of {} bytes",
                     limits_.head_bytes_max);
    }
    if (error && error != wire::error::need_more) {
      co_return Fail(ErrorCode::kCorrupt, "the server's answer is not HTTP: {}", error.message());
    }
    if (!error) continue;
    CO_TRY_ASSIGN(const bool has_more, co_await Fill(deadline));
    if (!has_more) co_return Fail(ErrorCode::kUnavailable, "the server hung up before it answered");
  }
  const auto& message = parser_->beast.get();
  head_.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    head_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  head_.content_type = std::string(head_.Find("content-type"));
  parser_->beast.eager(true);
  co_return Result<void>{};
}

net::Awaitable<Result<std::string>> ClientCall::ReadPart(net::TimePoint deadline) {
  auto& parser = parser_->beast;
  while (true) {
    const std::string_view input(buffer_.data() + begin_, end_ - begin_);
    if (!parser.is_done() && !malformed_ && !input.empty() && MayParseBody(parser, input)) {
      boost::system::error_code error;
      begin_ += parser.put(net::asio::buffer(input.data(), input.size()), error);
      if (error && error != wire::error::need_more) {
        malformed_ =
            MakeError(ErrorCode::kCorrupt, "the server's answer is malformed: {}", error.message());
      }
    }
    // What came before the fault is good.
    if (!parser.get().body().empty()) co_return std::exchange(parser.get().body(), {});
    if (malformed_) co_return Fail(*malformed_);
    if (parser.is_done()) co_return std::string{};
    CO_TRY_ASSIGN(const bool has_more, co_await Fill(deadline));
    if (has_more) continue;
    boost::system::error_code error;
    if (parser.need_eof()) parser.put_eof(error);
    if (parser.is_done() && !error) co_return std::string{};
    co_return Fail(ErrorCode::kUnavailable, "the server hung up in the middle of its answer");
  }
}

net::Awaitable<Result<std::string>> ClientCall::ReadAll(std::size_t bytes_max,
                                                        net::TimePoint deadline) {
  std::string body;
  while (true) {
    CO_TRY_ASSIGN(const std::string part, co_await ReadPart(deadline));
    if (part.empty()) co_return std::move(body);
    body += part;
    if (body.size() > bytes_max) {
      co_return Fail(ErrorCode::kTooLarge, "the server's answer is over the limit of {} bytes",
                     bytes_max);
    }
  }
}

bool ClientCall::is_done() const { return parser_->beast.is_done(); }

std::unique_ptr<net::Stream> ClientCall::TakeStream() {
  const bool may_go_on = is_done() && parser_->beast.get().keep_alive() && begin_ == end_ &&
                         !is_closed_ && stream_ != nullptr && !watchdog_->is_late();
  if (!may_go_on) return nullptr;
  watchdog_.reset();
  return std::move(stream_);
}

}  // namespace holdfast::http
