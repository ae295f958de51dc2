#include "audit/record.h"

#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "json/json.h"

namespace holdfast::audit {
namespace {

constexpr std::string_view kHashBegin = R"(,"hash":")";
constexpr std::string_view kHashEnd = R"("})";
constexpr std::size_t kHashPartBytes = kHashBegin.size() + kHashLetters + kHashEnd.size();
constexpr std::int64_t kTimeMax_ms = std::numeric_limits<std::int64_t>::max();

Error Corrupt(std::string_view reason) { return MakeError(ErrorCode::kCorrupt, "{}", reason); }

// Everything but the hash, as an object of its own: what the hash is computed over.
std::string BodyOf(const Record& record) {
  json::Object fields;
  for (const Field& field : record.event.fields) fields[field.name] = field.value;
  json::Object body;
  body["sequence"] = record.sequence;
  body["time_ms"] = record.time_ms;
  body["event"] = Word(record.event.kind);
  body["actor"] = record.event.actor;
  body["subject"] = record.event.subject;
  body["fields"] = std::move(fields);
  body["previous"] = record.previous;
  return json::Write(body);
}

std::optional<std::string> HashOf(std::string_view previous, std::string_view body) {
  const std::optional<std::string> previous_bytes = crypto::DecodeHex(previous);
  if (!previous_bytes || previous.size() != kHashLetters) return std::nullopt;
  crypto::Blake2b hash;
  hash.Update(*previous_bytes);
  hash.Update(body);
  return crypto::HexDigest(hash.Finish());
}

Result<Record> ReadBody(const json::Object& body) {
  Record record;
  TRY_ASSIGN(const std::int64_t sequence,
             json::RequireInt(body, "sequence", 1, std::numeric_limits<std::int64_t>::max()));
  record.sequence = static_cast<std::uint64_t>(sequence);
  TRY_ASSIGN(record.time_ms, json::RequireInt(body, "time_ms", -kTimeMax_ms, kTimeMax_ms));
  TRY_ASSIGN(const std::string word, json::RequireString(body, "event"));
  const std::optional<EventKind> kind = FindEventKind(word);
  if (!kind) return Fail(Corrupt("no event that there is"));
  record.event.kind = *kind;
  TRY_ASSIGN(record.event.actor, json::RequireString(body, "actor"));
  TRY_ASSIGN(record.event.subject, json::RequireString(body, "subject"));
  TRY_ASSIGN(record.previous, json::RequireString(body, "previous"));
  TRY_ASSIGN(const json::Object* const fields, json::RequireObject(body, "fields"));
  for (const auto& [name, value] : *fields) {
    if (!value.is_string()) return Fail(Corrupt("a field that is no word"));
    record.event.fields.push_back({std::string(name), std::string(value.get_string())});
  }
  TRY(CheckEvent(record.event));
  return record;
}

}  // namespace

std::string Chain::Add(const Event& event, std::int64_t time_ms) {
  const Record record{
      .sequence = sequence + 1, .time_ms = time_ms, .event = event, .previous = hash, .hash = {}};
  std::string line = BodyOf(record);
  const std::optional<std::string> next = HashOf(hash, line);
  CHECK(next.has_value());
  line.pop_back();  // The brace that ends the body.
  line.append(kHashBegin).append(*next).append(kHashEnd).append("\n");
  CHECK(line.size() <= kLineBytesMax);
  sequence = record.sequence;
  hash = *next;
  return line;
}

Result<void> Chain::Follow(const Record& record) {
  if (record.sequence != sequence + 1) {
    return Fail(ErrorCode::kCorrupt, "number {} comes after {}", record.sequence, sequence);
  }
  if (record.previous != hash) return Fail(Corrupt("the record before is not the one it follows"));
  sequence = record.sequence;
  hash = record.hash;
  return {};
}

Result<Record> ParseLine(std::string_view line) {
  if (line.size() > kLineBytesMax) return Fail(Corrupt("too long"));
  if (line.size() < kHashPartBytes) return Fail(Corrupt("not a record"));
  const std::string_view hash_part = line.substr(line.size() - kHashPartBytes);
  if (!hash_part.starts_with(kHashBegin) || !hash_part.ends_with(kHashEnd)) {
    return Fail(Corrupt("not a record"));
  }
  const std::string body = std::string(line.substr(0, line.size() - kHashPartBytes)) + "}";
  const Result<json::Value> value =
      json::Parse(body, {.text_bytes_max = kLineBytesMax, .depth_max = 4});
  if (!value || !value->is_object()) return Fail(Corrupt("not a record"));
  Result<Record> record = ReadBody(value->get_object());
  // Its message could say what the line says.
  if (!record) return Fail(Corrupt("not a record"));
  if (BodyOf(*record) != body) return Fail(Corrupt("not written as a record is"));
  record->hash = hash_part.substr(kHashBegin.size(), kHashLetters);
  if (HashOf(record->previous, body) != record->hash) return Fail(Corrupt("the hash does not fit"));
  return record;
}

}  // namespace holdfast::audit
