#include "server/web_assets.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace holdfast::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 256;
constexpr std::uintmax_t kFileBytesMax = 16 << 20;

Result<WebFiles> LoadFolder(const fs::path& folder) {
  WebFiles web;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    if (web.files.size() == kFilesMax || entry->file_size(error) > kFileBytesMax) {
      return Fail(ErrorCode::kTooLarge, "{}: over {} files, or a file over {} bytes",
                  folder.string(), kFilesMax, kFileBytesMax);
    }
    std::ifstream file(entry->path(), std::ios::binary);
    auto content = std::make_unique<std::string>(std::istreambuf_iterator<char>(file),
                                                 std::istreambuf_iterator<char>());
    if (!file) return Fail(ErrorCode::kIo, "{}: cannot be read", entry->path().string());
    const std::string path = "/" + entry->path().lexically_relative(folder).string();
    web.files.push_back({path, *content, {}});
    web.contents.push_back(std::move(content));
  }
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", folder.string(), error.message());
  return web;
}

}  // namespace

Result<WebFiles> LoadWebFiles(const std::string& web_dir) {
  WebFiles web;
  if (web_dir.empty()) {
    for (const EmbeddedFile& file : EmbeddedFiles()) {
      web.files.push_back({std::string(file.path), file.bytes, file.gzip_bytes});
    }
  } else {
    TRY_ASSIGN(web, LoadFolder(web_dir));
  }
  if (!std::ranges::any_of(web.files,
                           [](const auto& file) { return file.path == "/index.html"; })) {
    return Fail(ErrorCode::kNotFound, "web_dir {}: has no index.html", web_dir);
  }
  return web;
}

}  // namespace holdfast::server
