#include "http/client.h"

#include <algorithm>
#include <utility>

#include "http/beast.h"

namespace holdfast::http {

struct ClientCall::Parser {
  wire::response_parser<wire::string_body> beast;
};

ClientCall::ClientCall(const ClientLimits& limits) : limits_(limits) { NewParser(); }

ClientCall::~ClientCall() { Close(); }

void ClientCall::Close() {
  is_closed_ = true;
  if (connection_ != nullptr) connection_->Close();
}

void ClientCall::NewParser() {
  parser_ = std::make_unique<Parser>();
  parser_->beast.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser_->beast.body_limit(boost::none);
}

namespace {

std::string WriteRequest(const net::Endpoint& endpoint, const ClientRequest& request) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", MethodName(request.method),
                  request.target, endpoint.IsUnix() ? "localhost" : endpoint.ToString());
  for (const Header& header : request.headers) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (!request.body.empty() || request.method == Method::kPost) {
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  text += "\r\n";
  text += request.body;
  return text;
}

}  // namespace

net::Awaitable<Result<void>> ClientCall::Start(const net::Endpoint& endpoint,
                                               const ClientRequest& request,
                                               net::TimePoint head_deadline) {
  const net::TimePoint connect_deadline =
      std::min(head_deadline, net::Clock::now() + limits_.connect_time_max);
  CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream,
                co_await net::Dial(endpoint, connect_deadline));
  if (is_closed_) co_return Fail(ErrorCode::kCancelled, "the call was closed");
  const net::ConnectionOptions options;
  connection_ = net::Connection::Start(std::move(stream), options);
  const std::string text = WriteRequest(endpoint, request);
  const Result<void> written = co_await connection_->Write(text);
  // A server that refuses early may stop reading; its answer is still worth having.
  if (!written && connection_->input().empty()) {
    co_return Fail(ErrorCode::kUnavailable, "{}: {}", endpoint.ToString(), written.error().message);
  }
  Result<void> head = co_await ReadHead(head_deadline);
  if (!head && head.error().code == ErrorCode::kIo) head.error().code = ErrorCode::kUnavailable;
  co_return head;
}

net::Awaitable<Result<void>> ClientCall::ReadHead(net::TimePoint deadline) {
  while (true) {
    const std::string_view input = connection_->input();
    boost::system::error_code error;
    const std::size_t used =
        parser_->beast.put(net::asio::buffer(input.data(), input.size()), error);
    connection_->Consume(used);
    if (parser_->beast.is_header_done()) {
      // An interim answer (100) is followed by the real one.
      if (parser_->beast.get().result_int() != 100) break;
      NewParser();
      continue;
    }
    if (error && error != wire::error::need_more) {
      co_return Fail(ErrorCode::kCorrupt, "the server's answer is not HTTP: {}", error.message());
    }
    if (!error) continue;
    CO_TRY_ASSIGN(const bool has_more, co_await connection_->WaitInput(deadline));
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
    const std::string_view input = connection_->input();
    if (!parser.is_done() && MayParseBody(parser, input)) {
      boost::system::error_code error;
      const std::size_t used = parser.put(net::asio::buffer(input.data(), input.size()), error);
      connection_->Consume(used);
      if (error && error != wire::error::need_more) {
        co_return Fail(ErrorCode::kCorrupt, "the server's answer is malformed: {}",
                       error.message());
      }
    }
    if (!parser.get().body().empty()) co_return std::exchange(parser.get().body(), {});
    if (parser.is_done()) co_return std::string{};
    const Result<bool> more = co_await connection_->WaitInput(deadline);
    if (!more && more.error().code == ErrorCode::kDeadlineExceeded) {
      co_return std::unexpected(more.error());
    }
    if (more && *more) continue;
    if (parser.need_eof()) {
      boost::system::error_code error;
      parser.put_eof(error);
      if (!error) co_return std::string{};
    }
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

}  // namespace holdfast::http
