#include "upstream/request_body.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "upstream/json_scan.h"

namespace holdfast::upstream {
namespace {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  JsonKind kind = JsonKind::kNone;
};

// The last member of that name, as most parsers take it. False: not a JSON object.
bool FindMember(std::string_view text, std::string_view name, std::optional<Span>& found,
                bool& is_empty) {
  JsonScan scan(text);
  is_empty = true;
  const bool is_read = scan.Members([&](std::string_view key) {
    is_empty = false;
    Span span{.begin = scan.Offset(), .end = 0, .kind = scan.Kind()};
    if (!scan.Skip()) return false;
    // White space after the value may count as its own: it is replaced with it.
    span.end = scan.Offset();
    if (key == name) found = span;
    return true;
  });
  return is_read && scan.IsAtEnd();
}

}  // namespace

RequestBody::RequestBody(std::shared_ptr<const std::string> body, bool is_stream)
    : body_(std::move(body)), before_(*body_) {
  if (is_stream) AskForUsage();
}

void RequestBody::Replace(std::size_t begin, std::size_t end, std::string_view text) {
  const std::string_view whole = *body_;
  before_ = whole.substr(0, begin);
  inserted_ = text;
  after_ = whole.substr(end);
  client_wants_usage_ = false;
}

void RequestBody::AskForUsage() {
  const std::string_view whole = *body_;
  std::optional<Span> options;
  bool is_empty = true;
  if (!FindMember(whole, "stream_options", options, is_empty)) return;
  if (!options) {
    const std::size_t inside = whole.find('{') + 1;
    return Replace(inside, inside,
                   is_empty ? R"("stream_options":{"include_usage":true})"
                            : R"("stream_options":{"include_usage":true},)");
  }
  if (options->kind == JsonKind::kNull) {
    return Replace(options->begin, options->end, R"({"include_usage":true})");
  }
  if (options->kind != JsonKind::kObject) return;  // For the engine to refuse.
  const std::string_view inner = whole.substr(options->begin, options->end - options->begin);
  std::optional<Span> asked;
  if (!FindMember(inner, "include_usage", asked, is_empty)) return;
  if (!asked) {
    const std::size_t inside = options->begin + 1;
    return Replace(inside, inside,
                   is_empty ? R"("include_usage":true)" : R"("include_usage":true,)");
  }
  if (inner.substr(asked->begin).starts_with("true")) return;
  if (asked->kind != JsonKind::kBool && asked->kind != JsonKind::kNull) return;
  Replace(options->begin + asked->begin, options->begin + asked->end, "true");
}

}  // namespace holdfast::upstream
