#include "base/secret_file.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string_view Trimmed(std::string_view line) {
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

}  // namespace

Result<Secret> ReadSecretLine(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return Fail(ErrnoError("file " + path.string()));
  // Else the library's buffer would keep the secret.
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::string text(kSecretFileBytesMax + 1, '\0');
  const std::size_t count = std::fread(text.data(), 1, text.size(), file.get());
  const bool has_failed = std::ferror(file.get()) != 0;
  const std::string_view line = Trimmed(std::string_view(text).substr(0, count));
  const bool fits = !line.empty() && std::ranges::none_of(line, IsControl);
  Secret secret{std::string(line)};
  Secret::Wipe(text);
  if (has_failed) return Fail(ErrorCode::kIo, "file {}: cannot be read", path.string());
  if (count > kSecretFileBytesMax) {
    return Fail(ErrorCode::kTooLarge, "file {} is over the limit of {} bytes", path.string(),
                kSecretFileBytesMax);
  }
  if (!fits) {
    return Fail(ErrorCode::kInvalidArgument,
                "file {}: its first line is empty or has a control character", path.string());
  }
  return secret;
}

}  // namespace holdfast
