#include "upstream/request_body.h"

#include <algorithm>
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

// Whether an engine would read it as a choice between yes and no.
bool IsChoice(const Span& span) {
  return span.kind == JsonKind::kBool || span.kind == JsonKind::kNull;
}

}  // namespace

RequestBody::RequestBody(std::shared_ptr<const std::string> body, bool is_stream)
    : body_(std::move(body)) {
  if (is_stream) AskForUsage();
}

std::vector<std::string_view> RequestBody::Parts(bool asks_running_usage) const {
  const std::string_view whole = *body_;
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  for (const Edit& edit : edits_) {
    if (edit.is_for_running_usage && !asks_running_usage) continue;
    parts.push_back(whole.substr(at, edit.begin - at));
    parts.push_back(edit.text);
    at = edit.end;
  }
  parts.push_back(whole.substr(at));
  return parts;
}

void RequestBody::AskForUsage() {
  const std::string_view whole = *body_;
  std::optional<Span> options;
  bool is_empty = true;
  if (!FindMember(whole, "stream_options", options, is_empty)) return;
  if (options && options->kind == JsonKind::kObject) {
    return AskInOptions(options->begin, options->end);
  }
  if (options && options->kind != JsonKind::kNull) return;  // For the engine to refuse.
  constexpr std::string_view kRunning = R"(,"continuous_usage_stats":true)";
  client_wants_usage_ = false;
  if (options) {
    const std::size_t end = options->end;
    edits_ = {{options->begin, end, R"({"include_usage":true)"},
              {end, end, kRunning, true},
              {end, end, "}"}};
    return;
  }
  const std::size_t inside = whole.find('{') + 1;
  edits_ = {{inside, inside, R"("stream_options":{"include_usage":true)"},
            {inside, inside, kRunning, true},
            {inside, inside, is_empty ? "}" : "},"}};
}

// Of options that the client has sent. What it asks for itself is passed to every engine.
void RequestBody::AskInOptions(std::size_t begin, std::size_t end) {
  const std::string_view inner = std::string_view(*body_).substr(begin, end - begin);
  const std::size_t inside = begin + 1;
  std::optional<Span> total;
  std::optional<Span> running;
  bool is_empty = true;
  if (!FindMember(inner, "include_usage", total, is_empty)) return;
  if (!FindMember(inner, "continuous_usage_stats", running, is_empty)) return;
  if (total && !IsChoice(*total)) return;
  const bool has_total = total && inner.substr(total->begin).starts_with("true");
  client_wants_usage_ = has_total;
  client_wants_running_usage_ = running && inner.substr(running->begin).starts_with("true");
  if (!total) {
    edits_.push_back(
        {inside, inside, is_empty ? R"("include_usage":true)" : R"("include_usage":true,)"});
  }
  if (!running) {
    edits_.push_back(
        {inside, inside,
         is_empty ? R"(,"continuous_usage_stats":true)" : R"("continuous_usage_stats":true,)",
         true});
  }
  if (total && !has_total) edits_.push_back({begin + total->begin, begin + total->end, "true"});
  if (running && !client_wants_running_usage_ && IsChoice(*running)) {
    edits_.push_back({begin + running->begin, begin + running->end, "true", true});
  }
  std::ranges::stable_sort(edits_, {}, &Edit::begin);
}

}  // namespace holdfast::upstream
