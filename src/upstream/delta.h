// Delta: one event of a streamed answer, or a whole answer's body: the bytes exactly as they came,
// and what a light scan found in them. Texts are unescaped only when somebody asks (Choices), so
// relaying a token costs no tree of JSON. Value types; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "upstream/failure.h"

namespace holdfast::upstream {

// Tokens as the engine counted them; nullopt: it did not say.
struct Usage {
  std::optional<std::int64_t> prompt = {};
  std::optional<std::int64_t> completion = {};
  std::optional<std::int64_t> cached = {};     // Of the prompt.
  std::optional<std::int64_t> reasoning = {};  // Of the completion.
  // `completion` is the number of deltas with text, or a quarter of the bytes of a whole answer.
  bool is_estimated = false;
};

struct ToolCallPart {
  std::int64_t index = 0;
  std::string id;  // Of the first part of a call, as `name`.
  std::string name;
  std::string arguments;  // A piece of JSON text.
};

// What one choice gained. In a whole answer: its message.
struct ChoiceDelta {
  std::int64_t index = 0;
  std::string role;
  std::string text;
  std::string reasoning;  // `reasoning_content`, or `reasoning` of other engines.
  std::vector<ToolCallPart> tool_calls;
  std::string finish;  // Finish reason; empty: it goes on.
};

// The bit of a choice's index in Delta::choice_bits.
constexpr std::uint64_t ChoiceBit(std::int64_t index) {
  return std::uint64_t{1} << (index >= 0 && index < 63 ? index : 63);
}

struct ChoiceFinish {
  std::int64_t index = 0;
  std::string reason;
};

struct Delta {
  // The event with its empty line, or the body: what is forwarded where dialects match.
  std::string raw;
  bool is_comment = false;     // Keeps proxies awake, says nothing.
  bool is_done = false;        // "[DONE]"; made by the pool when the engine leaves it out.
  bool is_for_client = true;   // False: usage that the client did not ask for.
  bool is_opening = false;     // Choices without text, finish or tokens made: only a role.
  bool is_usage_only = false;  // No choices, but usage.
  std::size_t choice_count = 0;
  std::uint64_t choice_bits = 0;          // Bit i: choice i is in it; above 62: bit 63.
  std::size_t text_count = 0;             // Choices that gained text, reasoning or a tool call.
  std::vector<ChoiceFinish> finishes;     // Mostly empty.
  std::optional<Usage> usage = {};        // Null in the JSON is none.
  std::optional<EngineError> error = {};  // The event is an error.

  // Takes `usage` out of the bytes, or puts null in its place; all else stays as it came, and the
  // counts stay known. An event of several data lines, which none of our engines sends, keeps it.
  void HideUsage(bool leaves_null);

  // The JSON text: an event's data lines joined, or the body. Empty for a comment.
  std::string_view data() const;
  // The typed parts; parses the JSON. Errors: kInvalidArgument (not a chunk or an answer).
  [[nodiscard]] Result<std::vector<ChoiceDelta>> Choices() const;

  std::size_t data_begin = 0;  // In `raw`; both 0 when `joined` is used.
  std::size_t data_bytes = 0;
  std::string joined;  // Of an event with several data lines.
  // In data(): the member `usage`, from its name's quote; all 0 without one.
  std::size_t usage_begin = 0;
  std::size_t usage_value_begin = 0;
  std::size_t usage_end = 0;
};

// Reads one whole event, as http::SseSplitter gives it. Errors: kCorrupt (data that is neither
// JSON nor "[DONE]", or a field of a wrong type).
[[nodiscard]] Result<Delta> ReadEvent(std::string raw);
// Reads the body of an answer that is no stream. Errors: as ReadEvent.
[[nodiscard]] Result<Delta> ReadWhole(std::string body);
// The error object of a body; nullopt: it has none that can be read.
std::optional<EngineError> ReadError(std::string_view body);

// The event that ends a stream.
Delta DoneDelta();

}  // namespace holdfast::upstream
