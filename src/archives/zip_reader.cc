#include "archives/zip_reader.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>
#include <zip.h>

namespace holdfast::archives {

struct ZipReader::State {
  ~State() {
    if (zip != nullptr) zip_discard(zip);
  }
  zip_t* zip = nullptr;
};

namespace {

constexpr std::uint64_t kRatioFreeBytes = 1 << 20;
// A local header without its name.
constexpr std::uint64_t kHeaderBytes = 30;

// Only so much of a name is repeated in a message.
std::string Shown(std::string_view name) {
  constexpr std::size_t kShownMax = 80;
  return name.size() <= kShownMax ? std::string(name)
                                  : std::string(name.substr(0, kShownMax)) + "...";
}

Error LibraryError(zip_error_t& error, std::string_view what) {
  const int code = zip_error_code_zip(&error);
  const bool is_memory = code == ZIP_ER_MEMORY;
  const char* const why =
      code == ZIP_ER_EXISTS ? "two entries have the same name" : zip_error_strerror(&error);
  const Error made = MakeError(
      is_memory ? ErrorCode::kResourceExhausted : ErrorCode::kInvalidArgument, "{}: {}", what, why);
  zip_error_fini(&error);
  return made;
}

// Relative, downward, and the same for every system that might unpack it.
bool IsSafeName(std::string_view name) {
  const bool has_drive = name.size() >= 2 && name[1] == ':';
  if (name.empty() || name.front() == '/' || has_drive) return false;
  const auto is_bad = [](unsigned char c) { return c < ' ' || c == 0x7F || c == '\\'; };
  if (std::ranges::any_of(name, is_bad)) return false;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, end);
    if (part == ".." || part.empty()) return false;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return true;
}

Result<void> CheckName(std::string_view name, const ZipLimits& limits) {
  if (name.size() > limits.name_bytes_max) {
    return Fail(ErrorCode::kTooLarge, "the name of an entry has more than {} bytes",
                limits.name_bytes_max);
  }
  if (!IsSafeName(name)) {
    return Fail(ErrorCode::kInvalidArgument, "the name of an entry is not safe: {}", Shown(name));
  }
  if (static_cast<std::size_t>(std::ranges::count(name, '/')) > limits.depth_max) {
    return Fail(ErrorCode::kTooLarge, "an entry lies deeper than {} folders: {}", limits.depth_max,
                Shown(name));
  }
  return {};
}

// Files and folders; no link, no device.
bool IsPlain(zip_t* zip, zip_uint64_t index) {
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(zip, index, 0, &system, &attributes) != 0) return false;
  if (system != ZIP_OPSYS_UNIX && system != ZIP_OPSYS_OS_X) return true;
  const zip_uint32_t type = (attributes >> 16) & S_IFMT;
  return type == 0 || type == S_IFREG || type == S_IFDIR;
}

Result<zip_stat_t> StatOf(zip_t* zip, zip_uint64_t index) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                   ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat_index(zip, index, 0, &status) != 0 || (status.valid & kNeeded) != kNeeded) {
    return Fail(ErrorCode::kInvalidArgument, "entry {} has no name or no size", index + 1);
  }
  return status;
}

// Closes what is read.
class OpenFile {
 public:
  OpenFile(zip_t* zip, zip_uint64_t index) : file_(zip_fopen_index(zip, index, 0)) {}
  ~OpenFile() {
    if (file_ != nullptr) zip_fclose(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  zip_file_t* get() const { return file_; }

 private:
  zip_file_t* const file_;
};

// Fills `bytes`, and makes sure that nothing comes after. Libzip compares the checksum at the end.
Result<void> ReadAll(zip_file_t* file, std::string& bytes, const std::string& name) {
  std::size_t at = 0;
  while (true) {
    char after = 0;
    const bool is_full = at == bytes.size();
    char* const place = is_full ? &after : bytes.data() + at;
    const zip_int64_t count = zip_fread(file, place, is_full ? 1 : bytes.size() - at);
    if (count < 0) {
      return Fail(ErrorCode::kInvalidArgument, "{} is damaged: {}", name,
                  zip_error_strerror(zip_file_get_error(file)));
    }
    if (count == 0 && is_full) return {};
    if (count == 0 || is_full) {
      return Fail(ErrorCode::kInvalidArgument, "{} has not the size that it says", name);
    }
    at += static_cast<std::size_t>(count);
  }
}

}  // namespace

ZipReader::ZipReader(std::unique_ptr<State> state, const ZipLimits& limits)
    : state_(std::move(state)), limits_(limits) {}
ZipReader::~ZipReader() = default;

Result<std::unique_ptr<ZipReader>> ZipReader::Open(std::string_view archive,
                                                   const ZipLimits& limits) {
  if (archive.size() > limits.archive_bytes_max) {
    return Fail(ErrorCode::kTooLarge, "a ZIP of more than {} MiB", limits.archive_bytes_max >> 20);
  }
  // Libzip takes no bytes for an archive without entries, and looks for one behind a program.
  if (!LooksLikeZip(archive)) return Fail(ErrorCode::kInvalidArgument, "it is no ZIP");
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source = zip_source_buffer_create(archive.data(), archive.size(), 0, &error);
  if (source == nullptr) return Fail(LibraryError(error, "a ZIP"));
  auto state = std::make_unique<State>();
  state->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (state->zip == nullptr) {
    zip_source_free(source);
    return Fail(LibraryError(error, "the ZIP is damaged"));
  }
  std::unique_ptr<ZipReader> reader(new ZipReader(std::move(state), limits));
  TRY(reader->List(archive.size()));
  return reader;
}

Result<void> ZipReader::List(std::size_t archive_bytes) {
  zip_t* const zip = state_->zip;
  const auto count =
      static_cast<std::size_t>(std::max<zip_int64_t>(zip_get_num_entries(zip, 0), 0));
  if (count > limits_.entries_max) {
    return Fail(ErrorCode::kTooLarge, "a ZIP of {} entries; at most {}", count,
                limits_.entries_max);
  }
  std::uint64_t claimed_bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const zip_stat_t status, StatOf(zip, i));
    const std::string name = status.name;
    TRY(CheckName(name, limits_));
    if (!IsPlain(zip, i)) {
      return Fail(ErrorCode::kInvalidArgument, "{} is a link, not a file", Shown(name));
    }
    if (status.encryption_method != ZIP_EM_NONE) {
      return Fail(ErrorCode::kUnsupported, "{} is encrypted", Shown(name));
    }
    // Entries that lie beside each other have room in the archive; a bomb's lie on each other.
    const std::uint64_t free_bytes = archive_bytes - claimed_bytes;
    if (status.comp_size > free_bytes ||
        kHeaderBytes + name.size() > free_bytes - status.comp_size) {
      return Fail(ErrorCode::kInvalidArgument, "the entries claim more than the ZIP holds: {}",
                  Shown(name));
    }
    claimed_bytes += kHeaderBytes + name.size() + status.comp_size;
    const bool has_known_method =
        status.comp_method == ZIP_CM_STORE || status.comp_method == ZIP_CM_DEFLATE;
    if (!name.ends_with('/')) {
      files_.push_back({name, i, status.comp_size, status.size, has_known_method});
    }
  }
  return {};
}

Result<std::string> ZipReader::Read(const ZipFile& file) {
  const std::string name = Shown(file.name);
  if (file.unpacked_bytes > limits_.unpacked_bytes_max - unpacked_bytes_) {
    return Fail(ErrorCode::kTooLarge, "it unpacks to more than {} MiB: {}",
                limits_.unpacked_bytes_max >> 20, name);
  }
  if (file.unpacked_bytes > kRatioFreeBytes &&
      file.unpacked_bytes / limits_.ratio_max > file.packed_bytes) {
    return Fail(ErrorCode::kTooLarge, "{} unpacks to more than {} times its size", name,
                limits_.ratio_max);
  }
  // Libzip knows more methods; each is one more parser, and exports have none of them.
  if (!file.has_known_method) {
    return Fail(ErrorCode::kUnsupported, "{} is packed in a way that is not read here", name);
  }
  unpacked_bytes_ += file.unpacked_bytes;
  const OpenFile opened(state_->zip, file.index);
  if (opened.get() == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "{} is damaged: {}", name,
                zip_error_strerror(zip_get_error(state_->zip)));
  }
  std::string bytes(file.unpacked_bytes, '\0');
  TRY(ReadAll(opened.get(), bytes, name));
  return bytes;
}

bool LooksLikeZip(std::string_view bytes) {
  // The head of a file, or the end of an archive without any.
  return bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06");
}

}  // namespace holdfast::archives
