#include "http/static_files.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace holdfast::http {
namespace {

std::string_view ContentType(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".webp", "image/webp"},
      {".woff2", "font/woff2"},
      {".json", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},
      {".map", "application/json"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// FNV-1a: tells versions of a file apart; not a secret.
std::string Etag(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("\"{:016x}\"", hash);
}

}  // namespace

StaticFiles::StaticFiles(std::vector<StaticFile> files) {
  for (StaticFile& file : files) {
    const bool is_immutable = file.path.starts_with("/assets/");
    const std::string_view type = ContentType(file.path);
    std::string etag = Etag(file.bytes);
    entries_.push_back({std::move(file), std::move(etag), type, is_immutable});
  }
}

std::vector<std::string> StaticFiles::paths() const {
  std::vector<std::string> paths;
  for (const Entry& entry : entries_) paths.push_back(entry.file.path);
  return paths;
}

net::Awaitable<void> StaticFiles::Send(Exchange& exchange, std::string_view path) const {
  const auto entry = std::ranges::find(entries_, path, [](const Entry& e) { return e.file.path; });
  CHECK(entry != entries_.end());
  ResponseHead head;
  head.headers.push_back({"ETag", entry->etag});
  head.headers.push_back(
      {"Cache-Control", entry->is_immutable ? "public, max-age=31536000, immutable" : "no-cache"});
  std::string_view body = entry->file.bytes;
  if (exchange.head().Find("if-none-match") == entry->etag) {
    head.status = 304;
    body = {};
  } else {
    head.content_type = entry->content_type;
  }
  if (!entry->file.gzip_bytes.empty()) {
    head.headers.push_back({"Vary", "Accept-Encoding"});
    if (head.status == 200 &&
        exchange.head().Find("accept-encoding").find("gzip") != std::string_view::npos) {
      head.headers.push_back({"Content-Encoding", "gzip"});
      body = entry->file.gzip_bytes;
    }
  }
  co_await exchange.Send(head, body);
}

}  // namespace holdfast::http
