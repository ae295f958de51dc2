#include "api/refusal_text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace holdfast::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What stands where something is filled in later. No text of ours has these.
constexpr milliseconds kLongMark{918'273'645'546};
constexpr milliseconds kShortMark{47'103};
constexpr std::string_view kRequestIdMark = "(the request's id)";

seconds WholeSeconds(milliseconds wait) { return std::chrono::ceil<seconds>(wait); }

bool IsLong(milliseconds wait) { return WholeSeconds(wait) > kHonouredWaitMax; }

}  // namespace

struct RefusalText::Filling {
  fmt::format_int seconds;
  fmt::format_int milliseconds;
  std::string_view request_id;
};

RefusalText::RefusalText(const ApiError& error, Dialect dialect) {
  ApiError marked = error;
  if (error.retry_after) marked.retry_after = IsLong(*error.retry_after) ? kLongMark : kShortMark;
  head_ = ErrorHead(marked);
  for (const http::Header& header : std::exchange(head_.headers, {})) {
    AddLine(header, marked.retry_after.value_or(milliseconds(-1)));
  }
  if (error.retry_after) marked.retry_after = kLongMark;
  SplitBody(ErrorText(marked, dialect, kRequestIdMark));
}

void RefusalText::AddLine(const http::Header& header, milliseconds mark) {
  const std::string name = header.name + ": ";
  if (header.value == std::to_string(mark.count())) {
    lines_.push_back({name, Blank::kMilliseconds});
    lines_.push_back({"\r\n"});
  } else if (header.value == std::to_string(WholeSeconds(mark).count())) {
    lines_.push_back({name, Blank::kSeconds});
    lines_.push_back({"\r\n"});
  } else {
    lines_.push_back({name + header.value + "\r\n"});
  }
}

void RefusalText::SplitBody(std::string_view body) {
  const std::string wait_mark = std::to_string(kLongMark.count());
  while (!body.empty()) {
    const std::size_t wait = body.find(wait_mark);
    const std::size_t id = body.find(kRequestIdMark);
    const std::size_t next = std::min({wait, id, body.size()});
    const Blank blank = next == body.size() ? Blank::kNone
                        : next == wait      ? Blank::kMilliseconds
                                            : Blank::kRequestId;
    body_.push_back({std::string(body.substr(0, next)), blank});
    if (blank == Blank::kMilliseconds) body.remove_prefix(next + wait_mark.size());
    if (blank == Blank::kRequestId) body.remove_prefix(next + kRequestIdMark.size());
    if (blank == Blank::kNone) body = {};
  }
}

void RefusalText::FillIn(const std::vector<Piece>& pieces, const Filling& filling,
                         std::string& to) {
  for (const Piece& piece : pieces) {
    to += piece.text;
    switch (piece.blank) {
      case Blank::kNone:
        break;
      case Blank::kSeconds:
        to.append(filling.seconds.data(), filling.seconds.size());
        break;
      case Blank::kMilliseconds:
        to.append(filling.milliseconds.data(), filling.milliseconds.size());
        break;
      case Blank::kRequestId:
        to += filling.request_id;
        break;
    }
  }
}

RefusalText::Filled RefusalText::Fill(milliseconds retry_after, std::string_view request_id) const {
  const Filling filling{fmt::format_int(WholeSeconds(retry_after).count()),
                        fmt::format_int(retry_after.count()), request_id};
  // With room for what is of every answer.
  constexpr std::size_t kUsualLineBytes = 1536;
  constexpr std::size_t kUsualBodyBytes = 768;
  Filled filled{head_, {}};
  filled.head.lines.reserve(kUsualLineBytes);
  filled.body.reserve(kUsualBodyBytes);
  FillIn(lines_, filling, filled.head.lines);
  FillIn(body_, filling, filled.body);
  return filled;
}

}  // namespace holdfast::api
