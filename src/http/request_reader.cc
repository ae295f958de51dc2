#include "http/request_reader.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "http/beast.h"

namespace holdfast::http {
namespace {

std::unexpected<Refusal> Refuse(int status, std::string message) {
  return std::unexpected(Refusal{status, std::move(message)});
}

// Nobody is there to answer.
std::unexpected<Refusal> Gone() { return std::unexpected(Refusal{}); }

Method MethodOf(wire::verb verb) {
  switch (verb) {
    case wire::verb::get:
      return Method::kGet;
    case wire::verb::head:
      return Method::kHead;
    case wire::verb::post:
      return Method::kPost;
    case wire::verb::put:
      return Method::kPut;
    case wire::verb::patch:
      return Method::kPatch;
    case wire::verb::delete_:
      return Method::kDelete;
    case wire::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

Refusal RefusalFor(const boost::system::error_code& error, const HeadLimits& limits) {
  if (error == wire::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error == wire::error::header_limit) {
    return {431,
            fmt::format("the request's head is over the limit of {} bytes", limits.head_bytes_max)};
  }
  return {400, fmt::format("not an HTTP/1.1 request: {}", error.message())};
}

// Splits the target into path and query. The host of an absolute one counts, not the field.
std::expected<void, Refusal> ReadTarget(std::string_view target, RequestHead& head) {
  if (target == "*" && head.method == Method::kOptions) {
    head.path = "*";
    return {};
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t end = std::min(target.find_first_of("/?", scheme.size()), target.size());
    head.host = target.substr(scheme.size(), end - scheme.size());
    target.remove_prefix(end);
    if (target.empty()) target = "/";
    break;
  }
  if (!target.starts_with('/')) return Refuse(400, "the request target must begin with '/'");
  const std::size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  if (!PercentDecode(head.path)) {
    return Refuse(400, "the request target has a broken percent escape");
  }
  if (mark != std::string_view::npos) head.query = target.substr(mark + 1);
  return {};
}

// What Beast lets pass and we do not: ambiguous framing and hosts are how requests are smuggled.
std::expected<void, Refusal> CheckFraming(const wire::request<GrowingBody>& message,
                                          RequestHead& head) {
  const auto count = [&](wire::field field) { return message.count(field); };
  if (count(wire::field::transfer_encoding) > 0) {
    if (head.is_http_1_0) return Refuse(400, "Transfer-Encoding is not part of HTTP/1.0");
    if (count(wire::field::content_length) > 0) {
      return Refuse(400, "a request has Content-Length or Transfer-Encoding, not both");
    }
    if (count(wire::field::transfer_encoding) > 1 ||
        !EqualsNoCase(message[wire::field::transfer_encoding], "chunked")) {
      return Refuse(501, "the only transfer coding known here is 'chunked'");
    }
  }
  if (count(wire::field::content_length) > 1) {
    return Refuse(400, "a request has one Content-Length");
  }
  if (count(wire::field::host) > 1 || (!head.is_http_1_0 && count(wire::field::host) == 0)) {
    return Refuse(400, "a request has exactly one Host");
  }
  if (count(wire::field::expect) > 0) {
    if (!EqualsNoCase(message[wire::field::expect], "100-continue")) {
      return Refuse(417, "the only expectation known here is '100-continue'");
    }
    head.expects_continue = !head.is_http_1_0;
  }
  return {};
}

// Beast throws at a field of 64 KiB or more, which its own limit on the head lets pass.
template <typename Parser>
std::size_t Feed(Parser& parser, std::string_view input, boost::system::error_code& error) {
  try {
    return parser.put(net::asio::buffer(input.data(), input.size()), error);
  } catch (const std::length_error&) {
    error = wire::error::header_limit;
    return 0;
  }
}

}  // namespace

struct RequestReader::Parser {
  wire::request_parser<GrowingBody> beast;
};

RequestReader::RequestReader(net::Connection& connection, const HeadLimits& limits,
                             std::shared_ptr<net::ByteBudget> bodies)
    : connection_(connection), limits_(limits), bodies_(std::move(bodies)) {}
RequestReader::~RequestReader() = default;

bool RequestReader::DropBody() {
  if (is_body_done()) return true;
  const auto length = parser_->beast.content_length();
  if (phase_ != ReadPhase::kHeadDone || !length || *length > kDroppedBytesMax) return false;
  if (std::exchange(expects_continue_, false) && connection_.input().empty()) return false;
  PassBody(*length);
  FinishRequest();
  return true;
}

void RequestReader::PassBody(std::uint64_t bytes) {
  const std::uint64_t here = std::min<std::uint64_t>(bytes, connection_.input().size());
  connection_.Consume(here);
  dropped_bytes_ = bytes - here;
}

void RequestReader::PassRepeat() {
  connection_.Consume(repeats_.head_bytes());
  PassBody(repeats_.body_bytes());
  is_repeat_over_ = true;
}

net::Awaitable<std::expected<void, Refusal>> RequestReader::PassDropped() {
  phase_ = ReadPhase::kBody;
  connection_.SetUse(net::ConnectionUse::kReading);
  const net::TimePoint deadline = net::Clock::now() + limits_.head_time_max;
  while (dropped_bytes_ > 0) {
    const Result<bool> more = co_await connection_.WaitInput(deadline);
    is_out_of_time_ = !more && more.error().code == ErrorCode::kDeadlineExceeded;
    if (!more || !*more) co_return Gone();
    const std::uint64_t here = std::min<std::uint64_t>(dropped_bytes_, connection_.input().size());
    connection_.Consume(here);
    dropped_bytes_ -= here;
  }
  co_return std::expected<void, Refusal>{};
}

net::Awaitable<std::expected<void, Refusal>> RequestReader::WaitForRequest() {
  connection_.ExpectInput(true);
  if (dropped_bytes_ > 0) {
    const std::expected<void, Refusal> passed = co_await PassDropped();
    if (!passed) co_return std::unexpected(passed.error());
  }
  // One that is only told the same again has been idle since it was read.
  const bool is_idle_still = std::exchange(is_repeat_over_, false) && phase_ == ReadPhase::kIdle;
  phase_ = ReadPhase::kIdle;
  lease_.reset();
  if (!is_idle_still) connection_.SetUse(net::ConnectionUse::kIdle);
  // Empty lines before a request are skipped (RFC 9112, section 2.2), a few of them.
  constexpr std::size_t kEmptyLineBytesMax = 8;
  const net::TimePoint deadline = net::Clock::now() + limits_.idle_time_max;
  std::size_t skipped = 0;
  while (true) {
    while (!connection_.input().empty()) {
      const char first = connection_.input().front();
      if (first != '\r' && first != '\n') co_return std::expected<void, Refusal>{};
      if (++skipped > kEmptyLineBytesMax) co_return Refuse(400, "too many empty lines");
      connection_.Consume(1);
    }
    const Result<bool> more = co_await connection_.WaitInput(deadline);
    if (!more || !*more) co_return Gone();
  }
}

net::Awaitable<std::expected<RequestHead, Refusal>> RequestReader::ReadHead() {
  phase_ = ReadPhase::kHead;
  connection_.SetUse(net::ConnectionUse::kReading);
  const std::expected<void, Refusal> parsed = co_await ParseHead();
  if (!parsed) co_return std::unexpected(parsed.error());
  phase_ = ReadPhase::kHeadDone;
  connection_.SetUse(net::ConnectionUse::kAnswering);
  std::expected<RequestHead, Refusal> head = TakeHead();
  if (head && parser_->beast.is_done()) FinishRequest();
  co_return head;
}

net::Awaitable<std::expected<void, Refusal>> RequestReader::ParseHead() {
  parser_ = std::make_unique<Parser>();
  auto& parser = parser_->beast;
  parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser.body_limit(boost::none);  // ReadBody sets it, once the route is known.
  const net::TimePoint deadline = net::Clock::now() + limits_.head_time_max;
  bool is_line_complete = false;
  std::size_t head_bytes = 0;  // Beast's limit holds for what comes at once, not for the whole.
  while (true) {
    const std::string_view input = connection_.input();
    // One from a proxy that is trusted does not come so far.
    if (input.starts_with("PROXY ")) co_return Refuse(400, "nobody is spoken for here");
    if (!is_line_complete) {
      is_line_complete = input.find('\n') != std::string_view::npos;
      if (!is_line_complete && input.size() > limits_.target_bytes_max) {
        co_return Refuse(414, fmt::format("the request line is over the limit of {} bytes",
                                          limits_.target_bytes_max));
      }
    }
    boost::system::error_code error;
    const std::size_t used = Feed(parser, input, error);
    head_bytes += used;
    if (parser.is_header_done()) repeats_.OnHead(head_bytes == used ? input.substr(0, used) : "");
    const std::size_t unread = parser.is_header_done() ? 0 : input.size() - used;
    connection_.Consume(used);
    if (head_bytes + unread > limits_.head_bytes_max) error = wire::error::header_limit;
    if (parser.is_header_done() && !error) co_return std::expected<void, Refusal>{};
    if (error && error != wire::error::need_more)
      co_return std::unexpected(RefusalFor(error, limits_));
    if (!error) continue;
    const Result<bool> more = co_await connection_.WaitInput(deadline);
    if (!more && more.error().code == ErrorCode::kDeadlineExceeded) {
      is_out_of_time_ = true;
      co_return Refuse(408, fmt::format("the request's head took longer than {} ms",
                                        limits_.head_time_max.count()));
    }
    if (!more || !*more) co_return Gone();
  }
}

std::expected<RequestHead, Refusal> RequestReader::TakeHead() {
  const auto& parser = parser_->beast;
  const auto& message = parser.get();
  RequestHead head;
  head.method = MethodOf(message.method());
  head.is_http_1_0 = message.version() == 10;
  head.keeps_alive = message.keep_alive();
  head.is_chunked = parser.chunked();
  if (const auto length = parser.content_length()) head.content_length = *length;
  if (message.target().size() > limits_.target_bytes_max) {
    return Refuse(414, fmt::format("the request target is over the limit of {} bytes",
                                   limits_.target_bytes_max));
  }
  constexpr std::size_t kUsualFields = 16;
  head.headers.reserve(kUsualFields);
  for (const auto& field : message) {
    head.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  if (head.headers.size() > limits_.header_count_max) {
    return Refuse(431, fmt::format("{} header fields are over the limit of {}", head.headers.size(),
                                   limits_.header_count_max));
  }
  if (head.method == Method::kOther) return Refuse(501, "this method is not known here");
  std::expected<void, Refusal> checked = CheckFraming(message, head);
  if (!checked) return std::unexpected(checked.error());
  head.host = head.Find("host");
  checked = ReadTarget(message.target(), head);
  if (!checked) return std::unexpected(checked.error());
  expects_continue_ = head.expects_continue;
  return head;
}

net::Awaitable<std::expected<std::string, Refusal>> RequestReader::ReadBody(
    const BodyLimits& limits) {
  if (is_body_done()) co_return std::string{};
  phase_ = ReadPhase::kBody;
  connection_.SetUse(net::ConnectionUse::kReading);
  if (bodies_ != nullptr) lease_ = bodies_->Begin();
  const std::expected<void, Refusal> parsed = co_await ParseBody(limits);
  connection_.SetUse(net::ConnectionUse::kAnswering);
  if (!parsed) {
    // What has come of it is of no use to anybody.
    parser_->beast.get().body() = std::string();
    lease_.reset();
    co_return std::unexpected(parsed.error());
  }
  if (lease_) lease_->Finish();
  std::string body = std::move(parser_->beast.get().body());
  FinishRequest();
  co_return body;
}

void RequestReader::FinishRequest() {
  phase_ = ReadPhase::kDone;
  parser_.reset();
  connection_.ExpectInput(false);
}

namespace {

// How long a body may take to get so far.
std::chrono::milliseconds LeastTime(const BodyLimits& limits, std::size_t bytes) {
  return limits.slow_time_max +
         std::chrono::milliseconds(1'000 * bytes /
                                   std::max<std::size_t>(limits.bytes_per_s_min, 1));
}

std::unexpected<Refusal> RefuseSlow(const BodyLimits& limits, bool is_below_rate) {
  return is_below_rate
             ? Refuse(408, fmt::format("the request's body came slower than {} bytes a second",
                                       limits.bytes_per_s_min))
             : Refuse(408, fmt::format("the request's body took longer than {} ms",
                                       limits.time_max.count()));
}

}  // namespace

net::Awaitable<std::expected<void, Refusal>> RequestReader::ParseBody(const BodyLimits& limits) {
  auto& parser = parser_->beast;
  const std::string too_large =
      fmt::format("the request's body is over the limit of {} bytes", limits.bytes_max);
  if (const auto length = parser.content_length(); length && *length > limits.bytes_max) {
    co_return Refuse(413, too_large);
  }
  if (std::exchange(expects_continue_, false) && connection_.input().empty()) {
    const Result<void> written = co_await connection_.Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return Gone();
  }
  parser.body_limit(limits.bytes_max);
  parser.eager(true);
  net::TimePoint began = net::Clock::now();
  const net::TimePoint deadline = began + limits.time_max;
  while (!parser.is_done()) {
    const net::TimePoint had_no_room = net::Clock::now();
    const bool has_room = co_await MakeRoom(limits, deadline);
    began += net::Clock::now() - had_no_room;  // It was not the peer who was slow then.
    if (!has_room) {
      co_return std::unexpected(
          Refusal{503, "there is no memory for more requests now", Reason::kBodiesFull});
    }
    // No more than there is room for: some may have come while it was waited for.
    const std::string& body = parser.get().body();
    const std::string_view all = connection_.input();
    const std::string_view input = all.substr(0, body.capacity() - body.size());
    const bool is_all = input.size() == all.size();
    boost::system::error_code error = wire::error::need_more;
    if (MayParseBody(parser, input)) connection_.Consume(Feed(parser, input, error));
    if (parser.is_done()) break;
    if (error == wire::error::body_limit) co_return Refuse(413, too_large);
    if (error && error != wire::error::need_more) {
      co_return Refuse(400, fmt::format("the request's body is malformed: {}", error.message()));
    }
    if (!is_all || (!error && !connection_.input().empty())) continue;
    const net::TimePoint too_slow_at = began + LeastTime(limits, parser.get().body().size());
    const Result<bool> more = co_await connection_.WaitInput(std::min(deadline, too_slow_at));
    if (!more && more.error().code == ErrorCode::kDeadlineExceeded) {
      is_out_of_time_ = true;
      co_return RefuseSlow(limits, too_slow_at < deadline);
    }
    if (!more || !*more) co_return Gone();
  }
  co_return std::expected<void, Refusal>{};
}

// Grows the body's string ahead of what has come, and takes that of the budget first.
net::Awaitable<bool> RequestReader::MakeRoom(const BodyLimits& limits, net::TimePoint deadline) {
  // What frames the chunks is fed to the parser too, the last of it when the body is complete.
  constexpr std::size_t kFramingBytes = 1024;
  std::string& body = parser_->beast.get().body();
  const std::size_t coming = connection_.input().size();
  const auto length = parser_->beast.content_length();
  const std::size_t most = (length ? *length : limits.bytes_max) + kFramingBytes;
  if (body.size() + coming <= body.capacity() || body.capacity() >= most) co_return true;
  const std::size_t bytes = std::min(std::max(body.size() + coming, 2 * body.capacity()), most);
  if (lease_) {
    const net::TimePoint room_deadline =
        std::min(deadline, net::Clock::now() + limits.room_time_max);
    if (!co_await lease_->GrowTo(bytes, room_deadline)) co_return false;
  }
  body.reserve(bytes);
  co_return true;
}

}  // namespace holdfast::http
