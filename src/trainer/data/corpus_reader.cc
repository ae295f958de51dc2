#include "trainer/data/corpus_reader.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>

#include <zstd.h>

#include "json/json.h"

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

Result<std::string> ReadZstd(std::ifstream& file, const std::string& name,
                             const ReadLimits& limits) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                             ZSTD_freeDStream);
  std::string in(ZSTD_DStreamInSize(), '\0');
  std::string out(ZSTD_DStreamOutSize(), '\0');
  std::string plain;
  std::size_t wanted = 1;  // 0: a frame ended exactly here.
  while (file.read(in.data(), static_cast<std::streamsize>(in.size())), file.gcount() > 0) {
    ZSTD_inBuffer input{in.data(), static_cast<std::size_t>(file.gcount()), 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output{out.data(), out.size(), 0};
      wanted = ZSTD_decompressStream(stream.get(), &output, &input);
      if (ZSTD_isError(wanted)) {
        return Fail(ErrorCode::kCorrupt, "{}: zstd: {}", name, ZSTD_getErrorName(wanted));
      }
      if (plain.size() + output.pos > limits.plain_bytes_max) {
        return Fail(ErrorCode::kTooLarge, "{}: over {} bytes when decompressed", name,
                    limits.plain_bytes_max);
      }
      plain.append(out.data(), output.pos);
    }
  }
  if (wanted != 0) return Fail(ErrorCode::kCorrupt, "{}: zstd: the file is cut off", name);
  return plain;
}

Result<ChatMessage> ParseMessage(const json::Value& value) {
  if (!value.is_object()) return Fail(ErrorCode::kCorrupt, "a message is not an object");
  const json::Object& object = value.get_object();
  TRY_ASSIGN(const std::string role, json::StringOr(object, "role", ""));
  ChatMessage message;
  if (role == "system") {
    message.role = ChatMessage::Role::kSystem;
  } else if (role == "user") {
    message.role = ChatMessage::Role::kUser;
  } else if (role == "assistant") {
    message.role = ChatMessage::Role::kAssistant;
  } else {
    return Fail(ErrorCode::kCorrupt, "role must be system, user or assistant");
  }
  TRY_ASSIGN(message.content, json::StringOr(object, "content", ""));
  if (message.content.empty()) return Fail(ErrorCode::kCorrupt, "a message has no content");
  return message;
}

Result<Document> ParseChat(std::string_view line, const ReadLimits& limits) {
  if (const std::size_t bad = FindInvalidUtf8(line); bad != std::string_view::npos) {
    return Fail(ErrorCode::kCorrupt, "byte {} is not UTF-8", bad);
  }
  TRY_ASSIGN(const json::Value value,
             json::Parse(line, {.text_bytes_max = limits.line_bytes_max, .depth_max = 8}));
  if (!value.is_object()) return Fail(ErrorCode::kCorrupt, "not a JSON object");
  const json::Value* messages = json::Find(value.get_object(), "messages");
  if (messages == nullptr || !messages->is_array()) {
    return Fail(ErrorCode::kCorrupt, "no array \"messages\"");
  }
  if (messages->get_array().size() > limits.message_count_max) {
    return Fail(ErrorCode::kTooLarge, "over {} messages", limits.message_count_max);
  }
  Document chat;
  bool has_turn = false;
  for (const json::Value& item : messages->get_array()) {
    TRY_ASSIGN(ChatMessage message, ParseMessage(item));
    if (message.role == ChatMessage::Role::kAssistant && !chat.messages.empty() &&
        chat.messages.back().role == ChatMessage::Role::kUser) {
      has_turn = true;
    }
    chat.messages.push_back(std::move(message));
  }
  if (!has_turn) return Fail(ErrorCode::kCorrupt, "no user message that the assistant answers");
  return chat;
}

}  // namespace

std::string Document::PlainText() const {
  if (!IsChat()) return text;
  std::string plain;
  for (const ChatMessage& message : messages) {
    plain += message.content;
    plain += '\n';
  }
  return plain;
}

Result<std::string> ReadPlainFile(const std::filesystem::path& path, const ReadLimits& limits) {
  const std::string name = path.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return Fail(ErrorCode::kNotFound, "{}: no such file", name);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrnoError(name));
  if (path.extension() == ".zst") return ReadZstd(file, name, limits);
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kIo, "{}: {}", name, error.message());
  if (bytes > limits.plain_bytes_max) {
    return Fail(ErrorCode::kTooLarge, "{}: {} bytes, the limit is {}", name, bytes,
                limits.plain_bytes_max);
  }
  std::string plain(bytes, '\0');
  file.read(plain.data(), static_cast<std::streamsize>(bytes));
  if (static_cast<std::uintmax_t>(file.gcount()) != bytes) {
    return Fail(ErrorCode::kIo, "{}: read {} of {} bytes", name, file.gcount(), bytes);
  }
  return plain;
}

Result<std::vector<Document>> SplitDocuments(std::string_view text, std::string_view name,
                                             const ReadLimits& limits) {
  std::vector<Document> documents;
  Document current{.text = {}, .messages = {}, .line = 1};
  std::int64_t line_number = 0;
  const auto finish = [&]() -> Result<> {
    while (!current.text.empty() && current.text.back() == '\n') current.text.pop_back();
    if (current.text.empty()) return {};
    if (const std::size_t bad = FindInvalidUtf8(current.text); bad != std::string_view::npos) {
      const auto lines = std::count(current.text.begin(),
                                    current.text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
      return Fail(ErrorCode::kCorrupt, "{}:{}: not UTF-8", name, current.line + lines);
    }
    if (documents.size() == limits.document_count_max) {
      return Fail(ErrorCode::kTooLarge, "{}:{}: over {} documents", name, current.line,
                  limits.document_count_max);
    }
    documents.push_back(std::move(current));
    return {};
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == kDocumentSeparator) {
      TRY(finish());
      current = Document{.text = {}, .messages = {}, .line = line_number + 1};
      continue;
    }
    if (current.text.size() + line.size() > limits.document_bytes_max) {
      return Fail(ErrorCode::kTooLarge, "{}:{}: the document is over {} bytes", name, line_number,
                  limits.document_bytes_max);
    }
    if (current.text.empty() && line.empty()) continue;
    if (current.text.empty()) current.line = line_number;
    current.text += line;
    current.text += '\n';
  }
  TRY(finish());
  return documents;
}

Result<std::vector<Document>> ParseChats(std::string_view jsonl, std::string_view name,
                                         const ReadLimits& limits) {
  std::vector<Document> chats;
  std::int64_t line_number = 0;
  while (!jsonl.empty()) {
    const std::size_t end = std::min(jsonl.find('\n'), jsonl.size());
    const std::string_view line = jsonl.substr(0, end);
    jsonl.remove_prefix(std::min(end + 1, jsonl.size()));
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (line.size() > limits.line_bytes_max) {
      return Fail(ErrorCode::kTooLarge, "{}:{}: {} bytes, the limit is {}", name, line_number,
                  line.size(), limits.line_bytes_max);
    }
    if (chats.size() == limits.document_count_max) {
      return Fail(ErrorCode::kTooLarge, "{}:{}: over {} chats", name, line_number,
                  limits.document_count_max);
    }
    auto chat = ParseChat(line, limits);
    if (!chat) {
      return Fail(chat.error().code, "{}:{}: {}", name, line_number, chat.error().message);
    }
    chat->line = line_number;
    chats.push_back(std::move(*chat));
  }
  return chats;
}

std::size_t FindInvalidUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return i;
    std::uint32_t code = lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return i;
      code = code << 6 | (next & 0x3Fu);
    }
    const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (is_overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace holdfast::trainer
